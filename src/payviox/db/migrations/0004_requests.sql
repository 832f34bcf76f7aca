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

-- What a business asked of the API in the last days: kept for looking at, and for nothing else.
CREATE TABLE api_requests (
  business_id      uuid NOT NULL REFERENCES businesses,
  id               uuid NOT NULL,
  method           text NOT NULL,
  path             text NOT NULL,
  status           integer NOT NULL,
  duration_ms      numeric(9, 1) NOT NULL,
  key_hint         text NOT NULL,
  place            text,
  idempotency_key  text,
  error            text,
  called_at         timestamptz NOT NULL,
  PRIMARY KEY (business_id, id)
);
GRANT SELECT, DELETE,
  INSERT (business_id, id, method, path, status, duration_ms, key_hint, place, idempotency_key,
          error, called_at)
  ON api_requests TO payviox_app;

-- Cards of one state are counted without reading the others.
CREATE INDEX gift_cards_by_status ON gift_cards (business_id, product_id, status);
