-- Money that nobody takes: how old it is, who was reminded of it, and what was announced to expire.

ALTER TABLE businesses ADD COLUMN reminder_days integer[] NOT NULL DEFAULT '{}'
    CHECK (cardinality(reminder_days) <= 5 AND 0 < ALL (reminder_days)),
  ADD COLUMN expiry_notice_days integer NOT NULL DEFAULT 14
    CHECK (expiry_notice_days BETWEEN 1 AND 365),
  ADD COLUMN balance_lifetime_since timestamptz;
GRANT UPDATE (reminder_days, expiry_notice_days, balance_lifetime_since) ON businesses TO payviox_app;

ALTER TABLE payout_users ADD COLUMN seen_at timestamptz, ADD COLUMN reminders_stopped_at timestamptz;
GRANT UPDATE (seen_at, reminders_stopped_at) ON payout_users TO payviox_app;

-- What the worker saw when it last looked at each payout user with money: `version` was their account's;
-- `days` (UTC) and `amounts` are what is unspent of each day's allocations, oldest first, and `since` is
-- when the oldest of it came. `reminders` were sent of that.
CREATE TABLE unclaimed (
  business_id     uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  version         bigint NOT NULL,
  since           timestamptz NOT NULL,
  days            date[] NOT NULL,
  amounts         bigint[] NOT NULL,
  reminders       integer NOT NULL DEFAULT 0,
  reminded_at     timestamptz,
  PRIMARY KEY (business_id, payout_user_id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users,
  CONSTRAINT unclaimed_pieces CHECK (cardinality(days) = cardinality(amounts))
);
CREATE INDEX unclaimed_by_age ON unclaimed (business_id, since, payout_user_id);
GRANT SELECT, INSERT (business_id, payout_user_id, version, since, days, amounts),
  UPDATE (version, since, days, amounts, reminders, reminded_at), DELETE ON unclaimed TO payviox_app;

-- The same of everybody: what is unspent of a day's allocations.
CREATE TABLE unclaimed_days (
  business_id  uuid NOT NULL,
  day          date NOT NULL,
  amount       bigint NOT NULL CHECK (amount > 0),
  summed_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, day)
);
GRANT SELECT, INSERT (business_id, day, amount), DELETE ON unclaimed_days TO payviox_app;

-- What a payout user was told of: what came before `before` and is unspent expires at `expires_at`.
-- Nothing expires without such a row, nor under another rule than the one that it was told under.
CREATE TABLE expiry_notices (
  business_id     uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  id              uuid NOT NULL,
  lifetime_days   integer NOT NULL,
  before          timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL,
  announced_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, payout_user_id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users,
  CONSTRAINT expiry_notices_ahead CHECK (before < expires_at AND announced_at < expires_at)
);
CREATE INDEX expiry_notices_due ON expiry_notices (business_id, expires_at);
GRANT SELECT, INSERT (business_id, payout_user_id, id, lifetime_days, before, expires_at), DELETE
  ON expiry_notices TO payviox_app;
