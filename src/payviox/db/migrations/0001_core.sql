-- The first schema. Every tenant table starts each of its keys with business_id (docs/decisions/0004).
-- Amounts are bigint US cents. The role payviox_app is what the application may do, and no more.

-- Small tables, on every node ---------------------------------------------------------------

CREATE TABLE organizations (
  id          uuid PRIMARY KEY,
  name        text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE businesses (
  id                       uuid PRIMARY KEY,
  organization_id          uuid NOT NULL REFERENCES organizations,
  mode                     text NOT NULL CHECK (mode IN ('live', 'test')),
  name                     text NOT NULL,
  hash_code                text NOT NULL UNIQUE CHECK (hash_code ~ '^[0-9a-f]{8}$'),
  payouts_enabled          boolean NOT NULL DEFAULT false,
  review_amount            bigint CHECK (review_amount > 0),
  review_first_use         boolean NOT NULL DEFAULT false,
  review_shared_users      integer CHECK (review_shared_users > 0),
  review_velocity_orders   integer CHECK (review_velocity_orders > 0),
  review_velocity_amount   bigint CHECK (review_velocity_amount > 0),
  review_rails             text[] NOT NULL DEFAULT '{}',
  min_withdrawal           bigint NOT NULL DEFAULT 1 CHECK (min_withdrawal > 0),
  max_withdrawal           bigint NOT NULL DEFAULT 100000000 CHECK (max_withdrawal >= min_withdrawal),
  hash_lifetime_days       integer CHECK (hash_lifetime_days > 0),
  hash_lifetime_since      timestamptz,
  balance_lifetime_days    integer CHECK (balance_lifetime_days > 0),
  low_stock                integer NOT NULL DEFAULT 5 CHECK (low_stock >= 0),
  created_at               timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, mode)
);

CREATE TABLE api_keys (
  id           uuid PRIMARY KEY,
  business_id  uuid NOT NULL REFERENCES businesses,
  kind         text NOT NULL CHECK (kind IN ('secret', 'public')),
  digest       bytea NOT NULL UNIQUE,
  hint         text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  revoked_at   timestamptz
);
CREATE UNIQUE INDEX api_keys_one_live ON api_keys (business_id, kind) WHERE revoked_at IS NULL;

-- A revoked key stays revoked, whoever asks.
CREATE FUNCTION api_keys_stay_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'api key % was revoked, for good', OLD.id USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER api_keys_stay_revoked BEFORE UPDATE ON api_keys FOR EACH ROW
  WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
  EXECUTE FUNCTION api_keys_stay_revoked();

CREATE TABLE operators (
  id             uuid PRIMARY KEY,
  email          text NOT NULL UNIQUE,
  password_hash  text NOT NULL,
  is_admin       boolean NOT NULL DEFAULT false,
  created_at     timestamptz NOT NULL DEFAULT now()
);

-- Which secret keys (by their public id) this database's hashes and secrets were made with.
CREATE TABLE secret_keys (
  key_id      text PRIMARY KEY,
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- Who did what outside the money's own history.
CREATE TABLE audit_entries (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  actor        text NOT NULL,
  action       text NOT NULL,
  detail       jsonb NOT NULL DEFAULT '{}',
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);

-- The ledger ---------------------------------------------------------------------------------

-- A payout user's account has the payout user's id. Balances are kept beside their version so
-- that one row lock serialises everything that moves an account.
CREATE TABLE accounts (
  business_id  uuid NOT NULL,
  id           uuid NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('main', 'payout', 'user', 'in_transit', 'settled',
                                             'fee_income', 'rail_cost', 'suspense', 'world')),
  rail         text NOT NULL DEFAULT '',
  balance      bigint NOT NULL DEFAULT 0,
  version      bigint NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT accounts_not_negative
    CHECK (balance >= 0 OR kind IN ('world', 'fee_income', 'suspense')),
  CONSTRAINT accounts_rail
    CHECK ((rail <> '') = (kind IN ('in_transit', 'settled', 'rail_cost', 'suspense')))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX accounts_of_business ON accounts (business_id, kind, rail) WHERE kind <> 'user';

-- Append only: payviox_app may insert and read, nothing else. No foreign keys to accounts, nor from
-- accounts and payout users to their business: nothing of them is ever deleted, `ledger verify` names
-- an orphan, and the checks would cost the allocation path much of its speed (docs/decisions/0002).
CREATE TABLE transfers (
  business_id           uuid NOT NULL,
  id                    bigint GENERATED ALWAYS AS IDENTITY,
  kind                  text NOT NULL CHECK (kind IN (
                          'deposit', 'fund', 'defund', 'allocation', 'revocation', 'expiry',
                          'reserve', 'settle', 'fee', 'cost', 'release', 'return', 'fee_return',
                          'paid_after_all', 'adjustment')),
  amount                bigint NOT NULL CHECK (amount > 0),
  from_account          uuid NOT NULL,
  from_version          bigint NOT NULL CHECK (from_version > 0),
  from_balance          bigint NOT NULL,
  to_account            uuid NOT NULL,
  to_version            bigint NOT NULL CHECK (to_version > 0),
  to_balance            bigint NOT NULL,
  order_id              uuid,
  actor                 text,
  reason                text,
  reference             text,
  idempotency_key       text,
  idempotency_digest    bytea,
  created_at            timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT transfers_two_accounts CHECK (from_account <> to_account),
  CONSTRAINT transfers_from_version UNIQUE (business_id, from_account, from_version),
  CONSTRAINT transfers_to_version UNIQUE (business_id, to_account, to_version)
);
CREATE UNIQUE INDEX transfers_deposit_reference ON transfers (business_id, reference)
  WHERE kind = 'deposit';
CREATE UNIQUE INDEX transfers_idempotency_key ON transfers (business_id, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX transfers_order ON transfers (business_id, order_id) WHERE order_id IS NOT NULL;

-- Each group of allocations writes its id, so that a commit whose answer was lost can be looked up.
CREATE TABLE allocation_groups (
  business_id  uuid NOT NULL,
  id           uuid NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);
CREATE INDEX allocation_groups_age ON allocation_groups (created_at);

-- Payout users -------------------------------------------------------------------------------

CREATE TABLE payout_users (
  business_id      uuid NOT NULL,
  id               uuid NOT NULL,
  email            text NOT NULL,
  status           text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
  hash_key_id      text NOT NULL,
  hash_generation  integer NOT NULL DEFAULT 1,
  hash_digest      bytea NOT NULL,
  hash_renewed_at  timestamptz NOT NULL DEFAULT now(),
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT payout_users_email UNIQUE (business_id, email),
  CONSTRAINT payout_users_hash UNIQUE (business_id, hash_digest)
);

-- Requests seen before -----------------------------------------------------------------------

-- `reference` holds what the first answer is rendered from (ids, states), never an answer or a secret.
-- `call_id` names the call that used the key, which knows itself again when it repeats a lost COMMIT.
CREATE TABLE idempotency_keys (
  business_id  uuid NOT NULL REFERENCES businesses,
  caller       text NOT NULL,
  path         text NOT NULL,
  key          text NOT NULL,
  part         integer NOT NULL DEFAULT 0,
  digest       bytea NOT NULL,
  call_id      uuid,
  reference    jsonb,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, caller, path, key, part)
);

-- Withdrawals --------------------------------------------------------------------------------

CREATE TABLE quotes (
  business_id     uuid NOT NULL,
  id              uuid NOT NULL,
  payout_user_id  uuid NOT NULL,
  provider        text NOT NULL,
  rail            text NOT NULL,
  amount          bigint NOT NULL CHECK (amount > 0),
  fees            bigint NOT NULL CHECK (fees >= 0),
  net_amount      bigint NOT NULL CHECK (net_amount > 0),
  destination     jsonb NOT NULL,
  expires_at      timestamptz NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users
);

CREATE TABLE orders (
  business_id         uuid NOT NULL,
  id                  uuid NOT NULL,
  payout_user_id      uuid NOT NULL,
  provider            text NOT NULL CHECK (provider IN ('paypal', 'crypto', 'gift_card')),
  rail                text NOT NULL,
  status              text NOT NULL CHECK (status IN (
                        'created', 'review', 'queued', 'sending', 'sent', 'unknown', 'succeeded',
                        'failed', 'rejected', 'canceled', 'returned')),
  amount              bigint NOT NULL CHECK (amount > 0),
  fees                bigint NOT NULL CHECK (fees >= 0),
  net_amount          bigint NOT NULL CHECK (net_amount > 0),
  destination         jsonb NOT NULL,
  destination_digest  bytea NOT NULL,
  payee_digest        bytea,
  review_reasons      text[] NOT NULL DEFAULT '{}',
  reviewed_digest     bytea,
  note                text,
  failure             text,
  waiting             text,
  quote_id            uuid,
  attempt             integer NOT NULL DEFAULT 0,
  due_at              timestamptz,
  rail_order_id       text,
  details             jsonb NOT NULL DEFAULT '{}',
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, payout_user_id) REFERENCES payout_users,
  CONSTRAINT orders_net CHECK (amount = fees + net_amount)
);
CREATE INDEX orders_of_user ON orders (business_id, payout_user_id, id);
CREATE INDEX orders_by_status ON orders (business_id, status, id);
CREATE INDEX orders_by_payee ON orders (business_id, payee_digest) WHERE payee_digest IS NOT NULL;
-- The worker's sweep: what is due, one business after another, so that none waits for another.
CREATE INDEX orders_due ON orders (business_id, due_at) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX orders_quote ON orders (business_id, quote_id) WHERE quote_id IS NOT NULL;

-- One row a call to a rail. The reference is committed before the call.
CREATE TABLE order_attempts (
  business_id  uuid NOT NULL,
  order_id     uuid NOT NULL,
  number       integer NOT NULL,
  reference    text NOT NULL,
  request      jsonb NOT NULL,
  outcome      text,
  answer       jsonb,
  rounds       integer NOT NULL DEFAULT 0,
  started_at   timestamptz NOT NULL DEFAULT now(),
  finished_at  timestamptz,
  PRIMARY KEY (business_id, order_id, number),
  FOREIGN KEY (business_id, order_id) REFERENCES orders
);

-- The order's story: every state it had, who brought it there and why.
CREATE TABLE order_states (
  business_id  uuid NOT NULL,
  order_id     uuid NOT NULL,
  number       integer NOT NULL,
  status       text NOT NULL,
  actor        text NOT NULL,
  note         text,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (business_id, order_id, number),
  FOREIGN KEY (business_id, order_id) REFERENCES orders
);

-- What the sandbox rail "paid": its own books, as a vendor would keep them.
CREATE TABLE sandbox_payments (
  business_id  uuid NOT NULL,
  reference    text NOT NULL,
  request      jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, reference)
);

-- Gift cards from stock ----------------------------------------------------------------------

CREATE TABLE gift_card_products (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           uuid NOT NULL,
  name         text NOT NULL,
  brand        text NOT NULL,
  country      text NOT NULL,
  currency     text NOT NULL,
  face_value   bigint NOT NULL CHECK (face_value > 0),
  price        bigint NOT NULL CHECK (price > 0),
  alerted      text CHECK (alerted IN ('low', 'sold_out')),
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT gift_card_products_same
    UNIQUE (business_id, name, brand, country, currency, face_value, price)
);

-- Codes are encrypted with a key outside the database; the fingerprint finds a code imported twice.
CREATE TABLE gift_cards (
  business_id   uuid NOT NULL,
  id            uuid NOT NULL,
  product_id    uuid NOT NULL,
  status        text NOT NULL DEFAULT 'available'
                  CHECK (status IN ('available', 'reserved', 'delivered', 'void')),
  reference     text,
  order_id      uuid,
  code          bytea NOT NULL,
  pin           bytea,
  key_id        text NOT NULL,
  fingerprint   bytea NOT NULL,
  expires_on    date,
  created_at    timestamptz NOT NULL DEFAULT now(),
  delivered_at  timestamptz,
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, product_id) REFERENCES gift_card_products,
  CONSTRAINT gift_cards_once UNIQUE (business_id, fingerprint),
  CONSTRAINT gift_cards_bound CHECK ((status IN ('reserved', 'delivered')) <= (reference IS NOT NULL))
);
CREATE INDEX gift_cards_available ON gift_cards (business_id, product_id, expires_on, id)
  WHERE status = 'available';
CREATE UNIQUE INDEX gift_cards_reference ON gift_cards (business_id, reference)
  WHERE reference IS NOT NULL;
CREATE UNIQUE INDEX gift_cards_order ON gift_cards (business_id, order_id)
  WHERE order_id IS NOT NULL;

CREATE TABLE gift_card_reveals (
  business_id    uuid NOT NULL,
  id             bigint GENERATED ALWAYS AS IDENTITY,
  gift_card_id   uuid,
  order_id       uuid NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  FOREIGN KEY (business_id, order_id) REFERENCES orders
);

-- Webhooks -----------------------------------------------------------------------------------

CREATE TABLE webhook_settings (
  business_id    uuid PRIMARY KEY REFERENCES businesses,
  url            text,
  enabled        boolean NOT NULL DEFAULT false,
  events         text[] NOT NULL DEFAULT '{payout.succeeded}',
  token          bytea NOT NULL,
  next_token     bytea,
  key_id         text NOT NULL,
  updated_at     timestamptz NOT NULL DEFAULT now()
);

-- An event's body is written once, with the money, and never changes.
CREATE TABLE events (
  business_id  uuid NOT NULL REFERENCES businesses,
  id           uuid NOT NULL,
  type         text NOT NULL,
  order_id     uuid,
  body         text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT events_once UNIQUE (business_id, order_id, type)
);

CREATE TABLE deliveries (
  business_id      uuid NOT NULL,
  id               uuid NOT NULL,
  event_id         uuid NOT NULL,
  status           text NOT NULL DEFAULT 'pending'
                     CHECK (status IN ('pending', 'delivered', 'failed')),
  attempts         integer NOT NULL DEFAULT 0,
  round_attempts   integer NOT NULL DEFAULT 0,
  by_hand          boolean NOT NULL DEFAULT false,
  due_at           timestamptz DEFAULT now(),
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id),
  CONSTRAINT deliveries_of_event UNIQUE (business_id, event_id),
  FOREIGN KEY (business_id, event_id) REFERENCES events
);
CREATE INDEX deliveries_due ON deliveries (business_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE delivery_attempts (
  business_id      uuid NOT NULL,
  delivery_id      uuid NOT NULL,
  number           integer NOT NULL,
  url              text NOT NULL,
  request_headers  jsonb NOT NULL,
  status           integer,
  answer           text,
  error            text,
  duration_ms      integer NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, delivery_id, number),
  FOREIGN KEY (business_id, delivery_id) REFERENCES deliveries
);

-- What the application may do ----------------------------------------------------------------

-- Columns are named where a table's rows change: what an order pays, to whom and how much, what a
-- transfer says and when, is written once. Locking a row takes the right to change one of its columns.

GRANT USAGE ON SCHEMA public TO payviox_app;
GRANT SELECT ON transfers TO payviox_app;
GRANT INSERT (business_id, kind, amount, from_account, from_version, from_balance, to_account,
              to_version, to_balance, order_id, actor, reason, reference, idempotency_key,
              idempotency_digest) ON transfers TO payviox_app;
GRANT SELECT, INSERT ON
  organizations, operators, audit_entries, order_states, gift_card_reveals, events,
  delivery_attempts, sandbox_payments TO payviox_app;
GRANT SELECT, INSERT, DELETE ON allocation_groups, secret_keys, quotes TO payviox_app;
GRANT SELECT, INSERT, UPDATE (balance, version) ON accounts TO payviox_app;
GRANT SELECT, INSERT, UPDATE (
  payouts_enabled, review_amount, review_first_use, review_shared_users, review_velocity_orders,
  review_velocity_amount, review_rails, min_withdrawal, max_withdrawal, hash_lifetime_days,
  hash_lifetime_since, balance_lifetime_days, low_stock) ON businesses TO payviox_app;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON api_keys TO payviox_app;
GRANT SELECT, INSERT, UPDATE (status, hash_key_id, hash_generation, hash_digest, hash_renewed_at)
  ON payout_users TO payviox_app;
GRANT SELECT, INSERT, UPDATE (reference) ON idempotency_keys TO payviox_app;
GRANT SELECT, INSERT, UPDATE (
  status, review_reasons, reviewed_digest, note, failure, waiting, attempt, due_at, rail_order_id,
  details, updated_at) ON orders TO payviox_app;
GRANT SELECT, INSERT, UPDATE (outcome, answer, rounds, started_at, finished_at)
  ON order_attempts TO payviox_app;
GRANT SELECT, INSERT, UPDATE (alerted) ON gift_card_products TO payviox_app;
GRANT SELECT, INSERT, UPDATE (
  status, reference, order_id, delivered_at, code, pin, key_id, fingerprint)
  ON gift_cards TO payviox_app;
GRANT SELECT, INSERT, UPDATE (url, enabled, events, token, next_token, key_id, updated_at)
  ON webhook_settings TO payviox_app;
GRANT SELECT, INSERT, UPDATE (status, attempts, round_attempts, by_hand, due_at)
  ON deliveries TO payviox_app;
