"""What became of telling the webhook: deliveries, their attempts, and sending them again."""
