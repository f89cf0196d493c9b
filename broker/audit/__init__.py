"""The audit trail as a board keeps it: entries taken in, slips opened, questions answered."""
