-- Rail accounts, what rails tell us, and reconciliation.

-- A business's own accounts at rails -----------------------------------------------------------

-- Credentials are encrypted with a key outside the database; settings hold nothing secret.
CREATE TABLE rail_accounts (
  business_id        uuid NOT NULL REFERENCES businesses,
  rail               text NOT NULL CHECK (rail IN ('paypal', 'tremendous', 'evm')),
  environment        text NOT NULL CHECK (environment IN ('sandbox', 'live')),
  enabled            boolean NOT NULL DEFAULT true,
  min_amount         bigint CHECK (min_amount > 0),
  max_amount         bigint CHECK (max_amount > 0),
  low_float          bigint CHECK (low_float > 0),
  fee_payer          text NOT NULL DEFAULT 'sender' CHECK (fee_payer IN ('sender', 'recipient')),
  fee_percentage_bp  integer NOT NULL DEFAULT 0 CHECK (fee_percentage_bp BETWEEN 0 AND 9999),
  fee_fixed          bigint NOT NULL DEFAULT 0 CHECK (fee_fixed >= 0),
  fee_cap            bigint CHECK (fee_cap >= 0),
  settings           jsonb NOT NULL,
  credentials        bytea NOT NULL,
  key_id             text NOT NULL,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, rail),
  CONSTRAINT rail_accounts_limits CHECK (max_amount >= min_amount)
);

-- What a rail sells, as it last said.
CREATE TABLE rail_products (
  business_id  uuid NOT NULL REFERENCES businesses,
  rail         text NOT NULL,
  id           text NOT NULL,
  product      jsonb NOT NULL,
  fetched_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, rail, id)
);

-- A rail's verified callbacks, as they came. They are hints: what happened is looked up.
CREATE TABLE rail_callbacks (
  business_id  uuid NOT NULL REFERENCES businesses,
  rail         text NOT NULL,
  event_id     text NOT NULL,
  headers      jsonb NOT NULL,
  body         bytea NOT NULL,
  orders       uuid[] NOT NULL DEFAULT '{}',
  received_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, rail, event_id)
);
CREATE INDEX rail_callbacks_of_order ON rail_callbacks USING gin (orders);
CREATE INDEX rail_callbacks_age ON rail_callbacks (received_at);

-- Wallets on EVM chains ------------------------------------------------------------------------

-- A wallet's nonces are given out under its row's lock. One wallet serves one business: its chain's
-- books could not be told apart otherwise.
CREATE TABLE evm_wallets (
  business_id  uuid NOT NULL REFERENCES businesses,
  chain_id     bigint NOT NULL,
  address      text NOT NULL,
  next_nonce   bigint NOT NULL CHECK (next_nonce >= 0),
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, chain_id, address),
  CONSTRAINT evm_wallets_one_business UNIQUE (chain_id, address)
);

-- One row a nonce: the payment that it is for.
CREATE TABLE evm_payments (
  business_id  uuid NOT NULL,
  chain_id     bigint NOT NULL,
  wallet       text NOT NULL,
  nonce        bigint NOT NULL CHECK (nonce >= 0),
  reference    text NOT NULL,
  request      jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, chain_id, wallet, nonce),
  CONSTRAINT evm_payments_once UNIQUE (business_id, reference),
  FOREIGN KEY (business_id, chain_id, wallet) REFERENCES evm_wallets
);

-- Every transaction signed for a nonce, stored before it is broadcast; any of them may be mined.
CREATE TABLE evm_transactions (
  business_id  uuid NOT NULL,
  chain_id     bigint NOT NULL,
  wallet       text NOT NULL,
  nonce        bigint NOT NULL,
  number       integer NOT NULL CHECK (number > 0),
  hash         text NOT NULL,
  raw          bytea NOT NULL,
  fees         jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, chain_id, wallet, nonce, number),
  CONSTRAINT evm_transactions_hash UNIQUE (business_id, hash),
  FOREIGN KEY (business_id, chain_id, wallet, nonce) REFERENCES evm_payments
);

-- Orders and attempts --------------------------------------------------------------------------

-- Each attempt has the rail's own id, by which some rails must be asked.
ALTER TABLE order_attempts ADD COLUMN rail_order_id text;
CREATE INDEX order_attempts_rail_order ON order_attempts (business_id, rail_order_id)
  WHERE rail_order_id IS NOT NULL;

-- What the worker claims: a business's new orders at a rail, and apart from them all others that are
-- due some time, so that however many wait or are looked up, the new ones go on.
CREATE INDEX orders_new ON orders (business_id, rail, due_at)
  WHERE due_at IS NOT NULL AND status = 'queued' AND waiting IS NULL;
CREATE INDEX orders_tried ON orders (business_id, rail, due_at)
  WHERE due_at IS NOT NULL AND (status <> 'queued' OR waiting IS NOT NULL);
-- What waits, by its cause: a person counts it, or lets it go on.
CREATE INDEX orders_waiting ON orders (business_id, waiting, rail) WHERE waiting IS NOT NULL;

-- Reconciliation -------------------------------------------------------------------------------

ALTER TABLE businesses ADD COLUMN suspense_alert_hours integer NOT NULL DEFAULT 24
  CHECK (suspense_alert_hours >= 0);

-- What a comparison with a rail's books came to.
CREATE TABLE reconciliations (
  business_id   uuid NOT NULL REFERENCES businesses,
  id            uuid NOT NULL,
  rail          text NOT NULL,
  since         timestamptz NOT NULL,
  report        jsonb NOT NULL,
  started_at    timestamptz NOT NULL,
  finished_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, id)
);
CREATE INDEX reconciliations_last ON reconciliations (business_id, rail, finished_at);

-- Each difference that has no explanation yet, until a person resolves it or a later comparison finds
-- it explained. `amount` is what left by the rail beyond what our books say, in cents; negative where
-- our books say more. It never changes: another amount is another item.
CREATE TABLE suspense_items (
  business_id    uuid NOT NULL REFERENCES businesses,
  id             uuid NOT NULL,
  rail           text NOT NULL,
  cause          text NOT NULL CHECK (cause IN (
                   'paid_after_all', 'paid_not_booked', 'not_paid', 'amount_differs', 'cost_differs',
                   'paid_twice', 'unknown_payment', 'returned_not_booked', 'stuck')),
  subject        text NOT NULL,
  order_id       uuid,
  amount         bigint NOT NULL,
  evidence       jsonb NOT NULL,
  opened_at      timestamptz NOT NULL DEFAULT now(),
  seen_at        timestamptz NOT NULL DEFAULT now(),
  alerted_at     timestamptz,
  resolved_at    timestamptz,
  resolved_by    text,
  resolution     text CHECK (resolution IN ('explained', 'absorbed', 'charged', 'written_off')),
  reason         text,
  PRIMARY KEY (business_id, id),
  CONSTRAINT suspense_items_resolved CHECK (
    (resolved_at IS NULL) = (resolution IS NULL) AND (resolved_at IS NULL) = (resolved_by IS NULL))
);
CREATE UNIQUE INDEX suspense_items_open ON suspense_items (business_id, rail, cause, subject)
  WHERE resolved_at IS NULL;
CREATE INDEX suspense_items_of_subject ON suspense_items (business_id, subject);

-- Orders that a comparison had looked up at their rail before it makes an item of a difference.
CREATE TABLE reconciliation_look_ups (
  business_id  uuid NOT NULL,
  order_id     uuid NOT NULL,
  asked_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (business_id, order_id),
  FOREIGN KEY (business_id, order_id) REFERENCES orders
);

-- Opening an item moves its amount out of suspense or into it, once; taking that back does so once.
-- What resolves it is one adjustment. Each names the item as its reference.
ALTER TABLE transfers DROP CONSTRAINT transfers_kind_check;
ALTER TABLE transfers ADD CONSTRAINT transfers_kind_check CHECK (kind IN (
  'deposit', 'fund', 'defund', 'allocation', 'revocation', 'expiry', 'reserve', 'settle', 'fee',
  'cost', 'release', 'return', 'fee_return', 'paid_after_all', 'suspense', 'adjustment'));
CREATE UNIQUE INDEX transfers_suspense_once ON transfers (business_id, reference, from_account)
  WHERE kind = 'suspense';
CREATE UNIQUE INDEX transfers_adjustment_once ON transfers (business_id, reference)
  WHERE kind = 'adjustment' AND reference IS NOT NULL;

-- What the application may do ------------------------------------------------------------------

GRANT SELECT, INSERT, DELETE, UPDATE (
  environment, enabled, min_amount, max_amount, low_float, fee_payer, fee_percentage_bp, fee_fixed,
  fee_cap, settings, credentials, key_id, updated_at) ON rail_accounts TO payviox_app;
GRANT SELECT, INSERT, DELETE ON rail_products TO payviox_app;
GRANT SELECT, INSERT, DELETE ON rail_callbacks TO payviox_app;
GRANT SELECT, INSERT, UPDATE (next_nonce) ON evm_wallets TO payviox_app;
GRANT SELECT, INSERT ON evm_payments, evm_transactions, reconciliations TO payviox_app;
GRANT UPDATE (rail_order_id) ON order_attempts TO payviox_app;
GRANT UPDATE (suspense_alert_hours) ON businesses TO payviox_app;
GRANT SELECT, INSERT, UPDATE (
  evidence, seen_at, alerted_at, resolved_at, resolved_by, resolution, reason)
  ON suspense_items TO payviox_app;
GRANT SELECT, INSERT, DELETE ON reconciliation_look_ups TO payviox_app;
