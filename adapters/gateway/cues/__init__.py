"""Cues: what a front door's own record gives reason to think again about. Pure; ``record.cueing`` keeps them."""
