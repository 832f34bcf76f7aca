"""The languages in which payout users read: a catalogue each, amounts and dates."""
