"""The whole story with real processes: a sealed history, a move, a handover, and what each party could see."""
