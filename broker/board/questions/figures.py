"""Arithmetic that several questions share. Pure."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Final

from broker.board.questions.answer import Counted

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


def median(values: Iterable[float]) -> float | None:
    """The middle one, or half-way between the two in the middle; None of none."""
    ordered = sorted(values)
    if not ordered:
        return None
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2


def centile(values: Iterable[float], per_cent: int) -> float | None:
    """The smallest value that ``per_cent`` of all do not exceed (nearest rank); None of none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * per_cent / 100) - 1)] if ordered else None


def share(part: int, whole: int) -> float | None:
    """A percentage with one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def union(sets: Iterable[Iterable[bytes]]) -> Counted:
    """All that any of these counts."""
    return frozenset(thing for one in sets for thing in one)


def hours(milliseconds: Sequence[int]) -> list[float]:
    """Lengths of time in hours."""
    return [one / HOUR_MS for one in milliseconds]


def many(count: int, one: str, more: str) -> str:
    """How many, in words that fit one as well: ``1 incident was``, ``2 incidents were``."""
    return f"{count} {one if count == 1 else more}"


def rounded(value: float | None) -> float | None:
    """With one decimal."""
    return None if value is None else round(value, 1)
