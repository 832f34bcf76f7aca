"""The business's own money: opening, depositing, funding, adjusting; and the switches that the
payout account's lock guards."""
