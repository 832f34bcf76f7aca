"""Money that payout users do not take: how old it is, reminders of it, and its way back."""
