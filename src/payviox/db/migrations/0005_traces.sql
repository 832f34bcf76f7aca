-- Where the trace goes on that began with the request that made an order: W3C's `traceparent`, NULL where
-- traces are off. The worker's calls and webhooks are part of that trace, in other processes and days later.
ALTER TABLE orders ADD COLUMN trace text CHECK (length(trace) <= 55);
ALTER TABLE events ADD COLUMN trace text CHECK (length(trace) <= 55);
GRANT INSERT (trace) ON orders, events TO payviox_app;
