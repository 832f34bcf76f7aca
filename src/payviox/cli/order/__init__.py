"""`payviox order`: payout orders, one order's whole story, and what an operator decides."""
