"""The SQL of invitations and password resets."""
