"""Alembic scripts of the notices table, oldest first by their names."""
