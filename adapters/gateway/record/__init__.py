"""What this member's own record says: reading it, what it makes of a child, and the look-ups beside it."""
