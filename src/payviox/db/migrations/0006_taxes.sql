-- What a business notes of a payout user's tax state; the audit log keeps what was noted before.
CREATE TABLE tax_notes (
  business_id     uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  state           text NOT NULL CHECK (state IN ('w9', 'w8', 'vat', 'exempt', 'missing')),
  note            text,
  noted_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, payout_user_id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);
GRANT SELECT, INSERT (business_id, payout_user_id, state, note), UPDATE (state, note, noted_at)
  ON tax_notes TO payviox_app;

-- From how many US cents of a year on somebody is in a list of the business's.
CREATE TABLE tax_thresholds (
  business_id  uuid NOT NULL REFERENCES businesses,
  name         text NOT NULL,
  amount       bigint NOT NULL CHECK (amount > 0),
  PRIMARY KEY (business_id, name)
);
GRANT SELECT, INSERT (business_id, name, amount), UPDATE (amount), DELETE
  ON tax_thresholds TO payviox_app;
