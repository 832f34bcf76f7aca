-- Acts that wait for a second person, and saved views.

SELECT;
