-- A business's logo as the redemption page shows it, a PNG that Payviox wrote itself. Its digest stands
-- in its address, so that browsers keep it until there is another.
ALTER TABLE businesses
  ADD COLUMN brand_logo bytea CHECK (octet_length(brand_logo) BETWEEN 1 AND 12000),
  ADD COLUMN brand_logo_digest text
    GENERATED ALWAYS AS (encode(sha256(brand_logo), 'hex')) STORED;
CREATE INDEX businesses_by_logo ON businesses (brand_logo_digest) WHERE brand_logo IS NOT NULL;
GRANT UPDATE (brand_logo) ON businesses TO payviox_app;
