"""Everything that came and went."""
