-- What a restore from backup holds back.

-- One row: where this database was when it last knew itself (db/origin.py). Another server, database,
-- table or timeline, or another data folder, means that it was brought back from a backup or copied.
-- `mark` is what `payviox database restore` left outside of the tables.
CREATE TABLE installation (
  single       boolean PRIMARY KEY DEFAULT true CHECK (single),
  origin       text NOT NULL,
  folder       text,
  mark         text,
  restored_at  timestamptz
);
GRANT SELECT, INSERT, UPDATE (origin, folder, mark, restored_at) ON installation TO payviox_app;

-- Businesses whose gift cards wait until somebody says which of them left since the backup.
CREATE TABLE stock_holds (
  business_id  uuid PRIMARY KEY REFERENCES businesses,
  held_since   timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, DELETE ON stock_holds TO payviox_app;
