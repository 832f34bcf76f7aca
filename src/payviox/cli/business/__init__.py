"""`payviox business`: one file a subject."""
