-- API requests of the last days, and webhook replays.

-- What is sent again by hand comes after what has just happened, and says so to its receiver.
ALTER TABLE deliveries ADD COLUMN replayed boolean NOT NULL DEFAULT false;
GRANT INSERT (replayed), UPDATE (replayed) ON deliveries TO payviox_app;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (business_id, replayed, due_at)
  WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_open ON deliveries (business_id, event_id) WHERE status <> 'delivered';

-- What a receiver answered beside its status and the beginning of its body.
ALTER TABLE delivery_attempts ADD COLUMN answer_headers jsonb;
ALTER TABLE delivery_attempts ADD COLUMN answer_bytes integer;
GRANT INSERT (answer_headers, answer_bytes) ON delivery_attempts TO payviox_app;
