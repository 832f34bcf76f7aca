"""`payviox rail`: a business's own accounts at rails."""
