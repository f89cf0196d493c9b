"""What a check says when a promise does not hold."""


class BrokenPromiseError(AssertionError):
    """A promise does not hold."""


def must(holds: object, promise: str, why: str) -> None:
    """Raise unless it holds."""
    if not holds:
        raise BrokenPromiseError(f"{promise}: {why}")
