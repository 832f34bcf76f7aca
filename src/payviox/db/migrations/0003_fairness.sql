-- Indexes for what lists are filtered by.

-- What a payout user has done lately is counted by the database's time of it, not by ids, which the
-- web host's clock makes.
CREATE INDEX orders_of_user_by_time ON orders (business_id, payout_user_id, created_at);

-- A filter that matches little must not read all that a business has. Allocations, which most
-- transfers are, cost nothing more: they are in neither index.
CREATE INDEX transfers_seldom ON transfers (business_id, kind, id) WHERE kind <> 'allocation';
CREATE INDEX payout_users_inactive ON payout_users (business_id, id) WHERE status = 'inactive';
CREATE INDEX orders_by_provider ON orders (business_id, provider, id);
CREATE INDEX events_by_type ON events (business_id, type, id);

-- What a payout user has open is counted before there is more of it.
CREATE INDEX quotes_of_user ON quotes (business_id, payout_user_id, expires_at);
CREATE INDEX idempotency_keys_of_user ON idempotency_keys (business_id, caller, created_at)
  WHERE caller <> 'business';
