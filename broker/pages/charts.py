"""Drawings as plain geometry, for templates to write as SVG: bars of a distribution, and lanes of a story in time. Pure.

Nothing is told by a drawing alone: each stands beside a table that says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_UK: Final = ZoneInfo("Europe/London")
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. ``count`` None: it was kept back, and no bar is drawn. ``late``: beyond the limit."""

    label: str
    count: int | None
    late: bool = False


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """Where a bar stands, in the drawing's own units."""

    bar: Bar
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Across."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Bars:
    """A distribution, drawn."""

    width: int
    height: int
    floor: float
    bars: tuple[DrawnBar, ...]
    limit_x: float | None
    """Between the last bar within the limit and the first beyond it."""


def draw_bars(bars: Sequence[Bar], *, width: int = 640, height: int = 280) -> Bars:
    """Bars side by side, as high as their counts; beneath them room for labels, above them for figures."""
    floor, top = height - 30.0, 44.0
    slot = width / max(1, len(bars))
    tallest = max((bar.count or 0 for bar in bars), default=0) or 1
    drawn = []
    for at, bar in enumerate(bars):
        tall = (floor - top) * (bar.count or 0) / tallest
        drawn.append(DrawnBar(bar, at * slot + slot * 0.15, floor - tall, slot * 0.7, tall))
    first_late = next((at for at, bar in enumerate(bars) if bar.late), None)
    return Bars(width, height, floor, tuple(drawn), None if first_late is None else first_late * slot)


@dataclass(frozen=True, slots=True)
class Happening:
    """One mark: in whose lane, when, of which kind (a style of the sheet), and in words."""

    lane: str
    at_ms: int
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class DrawnMark:
    """Where a mark stands."""

    x: float
    y: float
    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """A story in time: a lane for each who takes part."""

    width: int
    height: int
    left: int
    """Where the lanes begin; names stand before."""
    lanes: tuple[tuple[str, float], ...]
    marks: tuple[DrawnMark, ...]
    ticks: tuple[Tick, ...]


_LANE: Final = 34
_TOP: Final = 14
_TICKS: Final = 4


def draw_lanes(happenings: Sequence[Happening], *, width: int = 940, left: int = 270) -> Lanes:
    """Lanes in the order in which each first took part. A story of one moment stands in the middle."""
    ordered = sorted(happenings, key=lambda one: one.at_ms)
    names = list(dict.fromkeys(one.lane for one in ordered))
    high = {name: _TOP + _LANE * (at + 0.5) for at, name in enumerate(names)}
    first = ordered[0].at_ms if ordered else 0
    span = (ordered[-1].at_ms - first) if ordered else 0
    room = width - left - 40

    def across(at_ms: int) -> float:
        return left + 20 + (room * (at_ms - first) / span if span else room / 2)

    marks = tuple(DrawnMark(across(one.at_ms), high[one.lane], one.kind, one.words) for one in ordered)
    steps = range(_TICKS + 1) if span else range(min(1, len(ordered)))
    moments = [first + span * step // _TICKS for step in steps]
    ticks = tuple(Tick(across(at_ms), _moment(at_ms, span)) for at_ms in moments)
    return Lanes(width, _TOP + _LANE * len(names) + 34, left, tuple(high.items()), marks, ticks)


def _moment(at_ms: int, span_ms: int) -> str:
    """A day, or where the whole story is short, the time of day."""
    local = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)).astimezone(_UK)
    return f"{local.day} {local:%b %Y}" if span_ms > 3 * _DAY_MS else f"{local.day} {local:%b %H:%M}"
