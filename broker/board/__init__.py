"""The board's node: follows AUDIT, opens its own slips, answers questions about its own areas."""
