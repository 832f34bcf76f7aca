"""The redemption page: what a payout user sees and does with their money."""
