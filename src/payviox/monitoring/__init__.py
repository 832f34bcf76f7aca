"""How the installation is doing, for its operator: readiness and figures, over all businesses."""
