"""How people get in: members of organizations, invitations, and links to choose a password with."""
