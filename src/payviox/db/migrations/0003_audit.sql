-- Who did what: audit entries with their actor, place and change.

-- (nothing yet)
SELECT;
