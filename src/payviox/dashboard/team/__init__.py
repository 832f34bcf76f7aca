"""Who belongs to the organization, and who is invited to it."""
