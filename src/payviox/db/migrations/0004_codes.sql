-- Codes by mail: what a payout user types before a withdrawal, where the business asks for it.

ALTER TABLE businesses ADD COLUMN code_first boolean NOT NULL DEFAULT false,
  ADD COLUMN code_amount bigint CHECK (code_amount > 0),
  ADD COLUMN code_new_device boolean NOT NULL DEFAULT false;
GRANT UPDATE (code_first, code_amount, code_new_device) ON businesses TO payviox_app;

-- One code for one quote, or another in its place. No code stands here: it is derived from `id` and
-- a secret key, which is named.
CREATE TABLE withdrawal_codes (
  business_id     uuid NOT NULL,
  quote_id        uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  id              uuid NOT NULL,
  key_id          text NOT NULL,
  guesses         integer NOT NULL DEFAULT 0,
  sent_at         timestamptz NOT NULL DEFAULT now(),
  confirmed_at    timestamptz,
  PRIMARY KEY (business_id, quote_id),
  FOREIGN KEY (business_id, quote_id) REFERENCES quotes ON DELETE CASCADE,
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);
GRANT SELECT, INSERT (business_id, quote_id, payout_user_id, id, key_id),
  UPDATE (id, key_id, guesses, sent_at, confirmed_at), DELETE ON withdrawal_codes TO payviox_app;

-- Browsers in which a payout user typed a code: no new devices.
CREATE TABLE payout_user_devices (
  business_id     uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  digest          bytea NOT NULL,
  seen_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, payout_user_id, digest),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);
CREATE INDEX payout_user_devices_by_age ON payout_user_devices (seen_at);
GRANT SELECT, INSERT (business_id, payout_user_id, digest), UPDATE (seen_at), DELETE
  ON payout_user_devices TO payviox_app;

-- Codes in mails that open the page like the link, typed with the email address that they were sent
-- to. `digest` is keyed by a secret key.
CREATE TABLE redeem_codes (
  business_id     uuid NOT NULL,
  digest          bytea NOT NULL,
  payout_user_id  uuid NOT NULL,
  hash_digest     bytea NOT NULL,
  expires_at      timestamptz NOT NULL,
  PRIMARY KEY (business_id, digest),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);
CREATE INDEX redeem_codes_by_digest ON redeem_codes (digest);
CREATE INDEX redeem_codes_by_end ON redeem_codes (expires_at);
GRANT SELECT, INSERT (business_id, digest, payout_user_id, hash_digest, expires_at), DELETE
  ON redeem_codes TO payviox_app;
