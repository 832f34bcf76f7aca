-- Why orders wait.

-- (nothing yet)
SELECT;
