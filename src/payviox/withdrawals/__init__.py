"""Payout orders: quoted, reviewed, sent over a rail and settled. Amounts are US cents."""
