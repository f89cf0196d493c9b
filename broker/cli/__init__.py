"""The one command, ``handrail``. Its groups are found by entry point, so the broker never imports an adapter."""

from broker.cli.main import main

__all__ = ["main"]
