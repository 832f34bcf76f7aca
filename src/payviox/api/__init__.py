"""The HTTP door: routes, what they read and how they answer. No SQL, no rules."""
