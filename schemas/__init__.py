"""What members agree on: identifiers, code sets, events, envelope, directory and policy.

Pure values only. Nothing here reads a file, holds a key or knows the bus.
"""
