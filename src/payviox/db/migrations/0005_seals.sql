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

-- Seals begin after 0. NOT VALID, as nothing big is read while a table is held: `ledger verify` names
-- older rows with such ids.
ALTER TABLE transfers ADD CONSTRAINT transfers_id_check CHECK (id > 0) NOT VALID;
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_id_check CHECK (id > 0) NOT VALID;
ALTER TABLE gift_card_reveals ADD CONSTRAINT gift_card_reveals_id_check CHECK (id > 0) NOT VALID;
