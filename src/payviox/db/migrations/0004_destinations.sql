-- Where payout users want their money to go again: destinations of orders they made, kept by their
-- own wish, and by which of them a balance goes out by itself. What is new waits for a day before
-- that: whoever holds a stolen link is seen by then, since each change is mailed.
CREATE TABLE saved_destinations (
  business_id     uuid NOT NULL,
  id              uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  provider        text NOT NULL CHECK (provider IN ('paypal', 'crypto')),
  destination     jsonb NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  removed_at      timestamptz,
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);
CREATE UNIQUE INDEX saved_destinations_once
  ON saved_destinations (business_id, payout_user_id, provider, destination) WHERE removed_at IS NULL;
GRANT SELECT, INSERT (business_id, id, payout_user_id, provider, destination), UPDATE (removed_at)
  ON saved_destinations TO payviox_app;

-- `due_at` is when it is looked at next, `held_back` why it did not go last time.
CREATE TABLE automatic_withdrawals (
  business_id     uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  destination_id  uuid NOT NULL,
  above           bigint NOT NULL CHECK (above > 0),
  set_at          timestamptz NOT NULL DEFAULT now(),
  due_at          timestamptz NOT NULL DEFAULT now(),
  held_back       text CHECK (held_back IN ('price', 'fee', 'limits', 'code')),
  PRIMARY KEY (business_id, payout_user_id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users,
  FOREIGN KEY (business_id, destination_id) REFERENCES saved_destinations
);
CREATE INDEX automatic_withdrawals_due ON automatic_withdrawals (due_at);
GRANT SELECT, INSERT (business_id, payout_user_id, destination_id, above),
  UPDATE (destination_id, above, set_at, due_at, held_back), DELETE ON automatic_withdrawals TO payviox_app;
