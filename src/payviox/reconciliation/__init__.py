"""Our books against the rails' own: what agrees, what is under way, and what nobody can explain."""
