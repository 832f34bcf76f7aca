-- Where a business's redemption page lives besides the installation's own address: inside pages of
-- the origins it names, and on a host of its own. That the host leads here is looked up by a token
-- which only this database knows: `host_verified_at` is when it was first seen there,
-- `host_lost_at` since when it is not any more.
CREATE TABLE sites (
  business_id       uuid PRIMARY KEY REFERENCES businesses,
  origins           text[] NOT NULL DEFAULT '{}',
  host              text,
  host_token        text,
  host_verified_at  timestamptz,
  host_lost_at      timestamptz,
  CONSTRAINT sites_token CHECK ((host IS NULL) = (host_token IS NULL)),
  CONSTRAINT sites_verified CHECK (host_verified_at IS NULL OR host IS NOT NULL),
  CONSTRAINT sites_lost CHECK (host_lost_at IS NULL OR host_verified_at IS NOT NULL)
);
CREATE INDEX sites_by_host ON sites (host) WHERE host IS NOT NULL;
CREATE UNIQUE INDEX sites_verified_host ON sites (host) WHERE host_verified_at IS NOT NULL;
GRANT SELECT, INSERT (business_id, origins, host, host_token),
  UPDATE (origins, host, host_token, host_verified_at, host_lost_at) ON sites TO payviox_app;
