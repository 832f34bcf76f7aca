"""Organizations, their live and test businesses, switches and rules."""
