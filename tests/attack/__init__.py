"""Attacks on a real exchange, and the table of what each of them met."""
