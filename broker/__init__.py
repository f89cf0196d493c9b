"""The exchange itself: cryptography, bus, store, directory, routing, handover, audit and the board's node."""
