"""The SQL of approvals."""
