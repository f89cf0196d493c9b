"""Frozen vectors of the protocol, for vendors and for ourselves; ``make`` writes them."""
