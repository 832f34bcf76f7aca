-- Uploads of allocations: a file's rows, what was checked and what became of each.

SELECT;
