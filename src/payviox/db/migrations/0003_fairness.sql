-- Indexes for what lists are filtered by.

-- What a payout user has done lately is counted by the database's time of it, not by ids, which the
-- web host's clock makes.
CREATE INDEX orders_of_user_by_time ON orders (business_id, payout_user_id, created_at);
