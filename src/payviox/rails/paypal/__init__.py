"""PayPal Payouts v1 as a rail. Nothing here knows the database or other rails."""
