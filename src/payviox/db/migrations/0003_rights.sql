-- What the application's role may do, and what the database refuses to everybody.

-- (nothing yet)
SELECT;
