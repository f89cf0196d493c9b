"""Alembic scripts of the router tables, oldest first by their names."""
