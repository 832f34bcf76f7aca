-- What live pages listen to, and what the search looks through.

SELECT;
