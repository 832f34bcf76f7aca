"""The sandbox: stands in for every rail in test businesses. Nothing here knows the database."""
