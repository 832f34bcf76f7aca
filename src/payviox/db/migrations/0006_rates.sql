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
GRANT SELECT, INSERT ON exchange_rates TO payviox_app;
