-- Where a business's redemption page lives besides the installation's own address: inside pages of
-- the origins it names.
CREATE TABLE sites (
  business_id  uuid PRIMARY KEY REFERENCES businesses,
  origins      text[] NOT NULL DEFAULT '{}'
);
GRANT SELECT, INSERT (business_id, origins), UPDATE (origins) ON sites TO payviox_app;
