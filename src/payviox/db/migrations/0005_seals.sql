-- Seals over what was committed, made by the worker (docs/decisions/0047): `body` is the text that is
-- signed and exported, each naming the digest of the one before it.
CREATE TABLE seals (
  business_id  uuid NOT NULL REFERENCES businesses,
  number       bigint NOT NULL CHECK (number > 0),
  body         text NOT NULL,
  signature    bytea NOT NULL,
  PRIMARY KEY (business_id, number)
);
GRANT SELECT, INSERT (business_id, number, body, signature) ON seals TO payviox_app;
