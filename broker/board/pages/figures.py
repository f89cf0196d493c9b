"""The figures of the overview, from the handovers of a board's areas and what was overdue in them. Pure.

A handover is *open* until the router says that it is withdrawn, closed or superseded. It is *overdue* while something
that was owed in it has run out and nothing has moved it on since. Days are counted from the moment when the new area
was told (*notified*), which is reported first wherever clocks differ.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, TypeAlias

from broker.board.questions import Cell, Column, Mark, Role, Unit
from broker.board.questions.figures import DAY_MS, median, rounded
from broker.board.questions.suppressing import suppress
from broker.calendars import day_of, is_working_day
from broker.clock import from_ms
from broker.pages.charts import Bar
from broker.store.audit.rows import Due, Move, Obligation

_OVER: Final = frozenset({"withdrawn", "closed", "superseded"})
_NO_MOVE: Final = frozenset({"noticed", "disputed"})
"""Steps that move nothing on: the new area was told, and everybody waited too long."""

Bands: TypeAlias = tuple[tuple[str, int | None], ...]
"""Each band's name and its last whole day."""

BANDS: Final = (
    ("same day", 0),
    ("1 day", 1),
    ("2 to 3", 3),
    ("4 to 7", 7),
    ("8 to 14", 14),
    ("15 to 21", 21),
    ("22 or more", None),
)
WORKING_BANDS: Final = (
    ("same day", 0),
    ("1 to 5", 5),
    ("6 to 10", 10),
    ("11 to 15", 15),
    ("16 to 20", 20),
    ("21 or more", None),
)


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: days, one number for each handover in which it has happened."""

    days: tuple[int, ...] = field(default=())
    bands: Bands = BANDS
    unit: str = "days"

    @property
    def middle(self) -> float | None:
        """The median."""
        return rounded(median(self.days))


def is_open(move: Move) -> bool:
    """Somebody is still waited for."""
    return move.last_state not in _OVER


def overdue(moves: Iterable[Move], late: Iterable[Due]) -> frozenset[bytes]:
    """The open handovers in which something has run out, and nothing has moved since."""
    newest: dict[bytes, int] = {}
    for one in late:
        newest[one.thread] = max(one.at_ms, newest.get(one.thread, 0))
    return frozenset(
        move.handover
        for move in moves
        if is_open(move) and move.thread in newest and newest[move.thread] >= _moved_ms(move)
    )


def _moved_ms(move: Move) -> int:
    return max((at_ms for step, at_ms in move.steps.items() if step not in _NO_MOVE), default=0)


def days_to(moves: Iterable[Move], step: str) -> Spread:
    """Days from notified to a step, where it has been taken."""
    took = ((move.steps.get(step), move.steps.get("noticed")) for move in moves)
    return Spread(tuple((at_ms - since) // DAY_MS for at_ms, since in took if at_ms and since))


def working_days_to(moves: Iterable[Move], step: str) -> Spread:
    """Working days (England and Wales) from the day of notified to that of a step; a day off counts as the next one."""
    took = ((move.steps.get(step), move.steps.get("noticed")) for move in moves)
    days = tuple(_working_days(since, at_ms) for at_ms, since in took if at_ms and since)
    return Spread(days, WORKING_BANDS, "working days")


def _working_days(since_ms: int, at_ms: int) -> int:
    first, last = day_of(from_ms(since_ms)), day_of(from_ms(at_ms))
    between = range(first.toordinal() + 1, last.toordinal())
    return sum(is_working_day(date.fromordinal(day)) for day in between) + (last > first)


def days_to_met(owed: Iterable[Obligation]) -> Spread:
    """Days from the beginning of an obligation to its being met, where it was."""
    return Spread(tuple(max(0, (one.met_ms or 0) - one.opened_ms) // DAY_MS for one in owed if one.done))


def banded(one: Spread, *, exact: bool) -> tuple[tuple[Cell, ...], ...]:
    """Band and number; ``exact`` False: small numbers are kept back."""
    counts: list[tuple[Cell, ...]] = []
    least = 0
    for name, most in one.bands:
        counts.append((name, sum(least <= days and (most is None or days <= most) for days in one.days)))
        least = least if most is None else most + 1
    counts.append(("all", len(one.days)))
    columns = (Column("band", "Days", role=Role.KEY), Column("handovers", "Handovers", Unit.COUNT, Role.BASE))
    return tuple(counts) if exact else suppress(columns, counts, total=True).rows


def bars(
    rows: Sequence[tuple[Cell, ...]], bands: Bands = BANDS, *, late_after: int | None = None
) -> list[Bar]:
    """The bands as bars; those beyond ``late_after`` whole days are late."""
    shown = zip(rows, bands, strict=False)  # the last row is the sum, and no bar
    return [
        Bar(
            str(band),
            count if isinstance(count, int) else None,
            late=late_after is not None and (most is None or most > late_after),
        )
        for (band, count), (_, most) in shown
    ]


def by_area(
    moves: Iterable[Move],
    late: Collection[bytes],
    areas: Iterable[tuple[str, str]],
    *,
    incoming: bool,
    exact: bool,
) -> tuple[tuple[Cell, ...], ...]:
    """Area, how many are open, how many of these overdue; the last row is the sum."""
    waiting = [move for move in moves if is_open(move)]
    counts: list[tuple[str, int, int]] = []
    for code, name in areas:
        here = [move for move in waiting if code == (move.to_area if incoming else move.from_area)]
        counts.append((name, len(here), sum(move.handover in late for move in here)))
    counts.append(("all", sum(row[1] for row in counts), sum(row[2] for row in counts)))
    columns = (
        Column("area", "Area", role=Role.KEY),
        Column("open", "Open", Unit.COUNT, Role.BASE),
        Column("overdue", "Overdue", Unit.COUNT, Role.PART),
    )
    return tuple(counts) if exact else suppress(columns, counts, total=True).rows


def figure(cell: Cell) -> str:
    """A cell as the overview writes it."""
    return "kept back" if cell is Mark.SUPPRESSED else str(cell)
