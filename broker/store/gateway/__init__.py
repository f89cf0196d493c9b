"""A gateway's state: outbox, inbox, ledger, keys in the vault, orders, granted history, handovers."""
