"""Who did what: acts, by whom, from where, and what they changed; and alerts. Append only."""
