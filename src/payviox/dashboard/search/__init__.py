"""Finding anything by what somebody has at hand."""
