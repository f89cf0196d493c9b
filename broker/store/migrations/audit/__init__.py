"""Alembic scripts of the audit tables, oldest first by their names."""
