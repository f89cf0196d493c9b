"""What arrives: custody first, then the ledger; receipts and lessons."""
