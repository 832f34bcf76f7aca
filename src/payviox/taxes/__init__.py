"""What was paid to whom in a year, for an accountant; what the business noted of their taxes."""
