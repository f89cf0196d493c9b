"""Everybody on the bus tries everything that somebody else may do, on the real server."""
