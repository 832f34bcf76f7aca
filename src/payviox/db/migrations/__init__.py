"""Migrations: numbered plain SQL files, run in order by Alembic as the tables' owner."""
