"""Alembic scripts of the gateway tables, oldest first by their names."""
