"""What a front door's people decide: each decision a signed, sealed event."""
