-- Restricted keys: beside the two of the contract as many as a business makes, each with what it may do.
-- Amounts are US cents.
ALTER TABLE api_keys
  DROP CONSTRAINT api_keys_kind_check,
  ADD CONSTRAINT api_keys_kind_check CHECK (kind IN ('secret', 'public', 'restricted')),
  ADD COLUMN name          text,
  ADD COLUMN scopes        text[],
  ADD COLUMN amount_limit  bigint CHECK (amount_limit > 0),
  ADD COLUMN daily_limit   bigint CHECK (daily_limit > 0),
  ADD COLUMN networks      text[],
  ADD COLUMN expires_at    timestamptz,
  ADD COLUMN made_by       text,
  ADD CONSTRAINT api_keys_restricted CHECK (
    num_nonnulls(name, scopes, networks, made_by) = CASE kind WHEN 'restricted' THEN 4 ELSE 0 END
    AND (kind = 'restricted' OR num_nonnulls(amount_limit, daily_limit, expires_at) = 0));
GRANT INSERT (name, scopes, amount_limit, daily_limit, networks, expires_at, made_by),
  UPDATE (name, scopes, amount_limit, daily_limit, networks, expires_at) ON api_keys TO payviox_app;

DROP INDEX api_keys_one_live;
CREATE UNIQUE INDEX api_keys_one_live ON api_keys (business_id, kind)
  WHERE revoked_at IS NULL AND kind <> 'restricted';
CREATE INDEX api_keys_expiring ON api_keys (expires_at)
  WHERE revoked_at IS NULL AND expires_at IS NOT NULL;

-- What a restricted key has allocated and let go on each day (UTC); guarded by the payout account's lock.
CREATE TABLE key_spending (
  business_id  uuid NOT NULL,
  key_id       uuid NOT NULL REFERENCES api_keys,
  day          date NOT NULL,
  amount       bigint NOT NULL CHECK (amount > 0),
  PRIMARY KEY (business_id, key_id, day)
);
GRANT SELECT, INSERT (business_id, key_id, day, amount), UPDATE (amount)
  ON key_spending TO payviox_app;

-- When a restricted key was last used, and from where; written some moments later.
CREATE TABLE key_uses (
  business_id  uuid NOT NULL,
  key_id       uuid NOT NULL REFERENCES api_keys,
  called_at    timestamptz NOT NULL,
  place        text,
  PRIMARY KEY (business_id, key_id)
);
GRANT SELECT, INSERT (business_id, key_id, called_at, place), UPDATE (called_at, place)
  ON key_uses TO payviox_app;
