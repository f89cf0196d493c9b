"""Alembic scripts, oldest first by their names."""
