-- The redemption page: who has it open, and links that open it once.

-- A session holds as long as the hash that opened it: one that is rotated, runs out or belongs to
-- somebody who was switched off ends every session with it.
CREATE TABLE payout_user_sessions (
  business_id     uuid NOT NULL,
  digest          bytea NOT NULL,
  payout_user_id  uuid NOT NULL,
  hash_digest     bytea NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  seen_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, digest),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);
CREATE INDEX payout_user_sessions_by_age ON payout_user_sessions (seen_at);
CREATE INDEX payout_user_sessions_by_user ON payout_user_sessions (business_id, payout_user_id);
GRANT SELECT, INSERT (business_id, digest, payout_user_id, hash_digest), UPDATE (seen_at), DELETE
  ON payout_user_sessions TO payviox_app;

-- A ticket opens the page once, within minutes: its row is deleted when it is used.
CREATE TABLE redeem_tickets (
  business_id     uuid NOT NULL,
  digest          bytea NOT NULL,
  payout_user_id  uuid NOT NULL,
  hash_digest     bytea NOT NULL,
  expires_at      timestamptz NOT NULL,
  PRIMARY KEY (business_id, digest),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);
CREATE INDEX redeem_tickets_by_end ON redeem_tickets (expires_at);
GRANT SELECT, INSERT (business_id, digest, payout_user_id, hash_digest, expires_at), DELETE
  ON redeem_tickets TO payviox_app;

-- Ways to withdraw that a business does not offer, whatever rails are connected.
ALTER TABLE businesses ADD COLUMN methods_off text[] NOT NULL DEFAULT '{}';
GRANT UPDATE (methods_off) ON businesses TO payviox_app;
