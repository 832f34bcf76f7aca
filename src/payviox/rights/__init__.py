"""Which role may do what in an organization, and who has which role."""
