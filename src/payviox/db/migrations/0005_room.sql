-- What the worker forgets once its time is up, besides what it forgot before (docs/operating.md).
GRANT DELETE ON delivery_attempts, reconciliations TO payviox_app;
