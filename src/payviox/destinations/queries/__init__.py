"""The SQL of saved destinations and automatic withdrawals."""
