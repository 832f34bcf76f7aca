-- A transfer says when it was recorded, under the locks of its two accounts, and not when its
-- transaction began: so the times of an account's versions go one way, and what it held at a moment
-- is found by them. Nothing is rewritten.
ALTER TABLE transfers ALTER COLUMN created_at SET DEFAULT clock_timestamp();
