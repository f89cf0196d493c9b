"""Where time and randomness enter. Everything below the wiring is handed one of these."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Gives the present moment, aware and in UTC."""

Entropy: TypeAlias = Callable[[int], bytes]
"""Gives that many unpredictable bytes."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def system_clock() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


system_entropy: Entropy = os.urandom


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, exact."""
    delta = moment - _EPOCH
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC datetime of milliseconds since 1970."""
    seconds, rest = divmod(milliseconds, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1000)
