"""A business's accounts at rails: connected, checked, limited, priced, paused."""
