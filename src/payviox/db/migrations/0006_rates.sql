-- What a unit of a currency is worth in US dollars, by whom and until when that may be relied on. What
-- was said once stays: an order names the rate by which it was paid.
CREATE TABLE exchange_rates (
  source      text NOT NULL CHECK (source IN ('ecb', 'fixed', 'http')),
  currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  as_of       timestamptz NOT NULL,
  rate        numeric(20, 10) NOT NULL CHECK (rate > 0),
  expires_at  timestamptz NOT NULL CHECK (expires_at > as_of),
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source, currency, as_of)
);
GRANT SELECT, INSERT (source, currency, as_of, rate, expires_at, created_by)
  ON exchange_rates TO payviox_app;

-- What payments in another currency are worth by the rate of the day they were put into a file, and that
-- rate; what that differs from what they took off a balance is an account of its own.
ALTER TABLE bank_payments
  ADD COLUMN worth bigint CHECK (worth >= 0),
  ADD COLUMN worth_rate numeric(20, 10) CHECK (worth_rate > 0);
GRANT UPDATE (worth, worth_rate) ON bank_payments TO payviox_app;

ALTER TABLE accounts DROP CONSTRAINT accounts_kind_check;
ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check CHECK (kind IN (
  'main', 'payout', 'user', 'in_transit', 'settled', 'fee_income', 'rail_cost', 'exchange', 'suspense',
  'world')) NOT VALID;
ALTER TABLE accounts DROP CONSTRAINT accounts_not_negative;
ALTER TABLE accounts ADD CONSTRAINT accounts_not_negative
  CHECK (balance >= 0 OR kind IN ('world', 'fee_income', 'exchange', 'suspense')) NOT VALID;
ALTER TABLE accounts DROP CONSTRAINT accounts_rail;
ALTER TABLE accounts ADD CONSTRAINT accounts_rail
  CHECK ((rail <> '') = (kind IN ('in_transit', 'settled', 'rail_cost', 'exchange', 'suspense')))
  NOT VALID;
ALTER TABLE transfers DROP CONSTRAINT transfers_kind_check;
ALTER TABLE transfers ADD CONSTRAINT transfers_kind_check CHECK (kind IN (
  'deposit', 'funds_withdrawal', 'fund', 'defund', 'allocation', 'revocation', 'expiry', 'reserve',
  'settle', 'fee', 'cost', 'exchange', 'release', 'return', 'fee_return', 'exchange_return',
  'paid_after_all', 'suspense', 'adjustment')) NOT VALID;
