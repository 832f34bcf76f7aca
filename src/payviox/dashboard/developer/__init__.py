"""What programs call with: API keys."""
