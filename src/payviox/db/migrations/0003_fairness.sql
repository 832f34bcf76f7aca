-- Indexes for what lists are filtered by.

-- (nothing yet)
SELECT;
