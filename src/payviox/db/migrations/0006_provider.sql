-- Orders and saved destinations by bank transfer.

ALTER TABLE orders DROP CONSTRAINT orders_provider_check;
ALTER TABLE orders ADD CONSTRAINT orders_provider_check
  CHECK (provider IN ('paypal', 'crypto', 'gift_card', 'bank')) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_provider_check;

ALTER TABLE saved_destinations DROP CONSTRAINT saved_destinations_provider_check;
ALTER TABLE saved_destinations ADD CONSTRAINT saved_destinations_provider_check
  CHECK (provider IN ('paypal', 'crypto', 'bank'));
