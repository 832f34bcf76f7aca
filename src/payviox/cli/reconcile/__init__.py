"""`payviox reconcile`: our books against the rails'."""
