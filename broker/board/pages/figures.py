"""The figures of the overview, from the entries about handovers and what was overdue in them. Pure.

A handover is *open* until the router says that it is withdrawn, closed or superseded. It is *overdue* while something
that was owed in it has run out and nothing has moved it on since. Days are counted from the moment when the new area
was told (*notified*), which is reported first wherever clocks differ.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.audit.reading import Entry
from broker.board.questions import Cell, Column, Mark, Role, Unit
from broker.board.questions.figures import DAY_MS, median, rounded
from broker.board.questions.suppressing import suppress
from broker.pages.charts import Bar
from schemas.audit import EntryKind

_OVER: Final = frozenset({"withdrawn", "closed", "superseded"})
_HELD: Final = frozenset({"accepted", "closed"})
_NO_MOVE: Final = frozenset({"noticed", "disputed", "handed-on"})
"""Steps that move nothing on: told, waited too long, and passed along."""

BANDS: Final = (
    ("same day", 0),
    ("1 day", 1),
    ("2 to 3", 3),
    ("4 to 7", 7),
    ("8 to 14", 14),
    ("15 to 21", 21),
    ("22 or more", None),
)
"""Days, and the last whole day of each band."""


@dataclass(slots=True)
class Life:
    """One handover, as far as the trail has it."""

    from_area: str
    to_area: str
    noticed_ms: int
    state: str = "noticed"
    moved_ms: int = 0
    overdue_ms: int = -1
    held_ms: int | None = None
    conference_ms: int | None = None

    @property
    def open(self) -> bool:
        """Somebody is still waited for."""
        return self.state not in _OVER

    @property
    def overdue(self) -> bool:
        """Something has run out, and nothing has moved since."""
        return self.open and self.overdue_ms >= self.moved_ms


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: days, one number for each handover in which it has happened."""

    days: tuple[int, ...] = field(default=())

    @property
    def middle(self) -> float | None:
        """The median."""
        return rounded(median(self.days))


def lives(entries: Iterable[Entry]) -> list[Life]:
    """Every handover, from its entries and those that say what was overdue in it, oldest first."""
    found: dict[bytes, Life] = {}
    for entry in entries:
        if entry.kind == EntryKind.OVERDUE:
            known = found.get(entry.bytes_of("about") or b"")
            if known is not None:
                known.overdue_ms = entry.at_ms
            continue
        handover = entry.bytes_of("handover")
        if handover is None:
            continue
        life = found.setdefault(
            handover, Life(entry.text_of("from_area") or "", entry.text_of("to_area") or "", entry.at_ms)
        )
        _step(life, entry)
    return list(found.values())


def _step(life: Life, entry: Entry) -> None:
    step = entry.text_of("step") or ""
    life.state = entry.text_of("state") or life.state
    if step not in _NO_MOVE:
        life.moved_ms = entry.at_ms
    if life.held_ms is None and life.state in _HELD:
        life.held_ms = entry.at_ms
    if life.conference_ms is None and step == "conference-held":
        life.conference_ms = entry.at_ms


def spread(held: Iterable[Life], moment: str) -> Spread:
    """Days from notified to a moment (``held_ms``, ``conference_ms``), where it has come."""
    took = ((getattr(life, moment), life.noticed_ms) for life in held)
    return Spread(tuple((at_ms - since) // DAY_MS for at_ms, since in took if at_ms is not None))


def banded(one: Spread, *, exact: bool) -> tuple[tuple[Cell, ...], ...]:
    """Band and number; ``exact`` False: small numbers are kept back."""
    counts: list[tuple[Cell, ...]] = []
    least = 0
    for name, most in BANDS:
        counts.append((name, sum(least <= days and (most is None or days <= most) for days in one.days)))
        least = least if most is None else most + 1
    counts.append(("all", len(one.days)))
    columns = (Column("band", "Days", role=Role.KEY), Column("handovers", "Handovers", Unit.COUNT, Role.BASE))
    return tuple(counts) if exact else suppress(columns, counts, total=True).rows


def bars(rows: Sequence[tuple[Cell, ...]], *, late_after: int | None = None) -> list[Bar]:
    """The bands as bars; those beyond ``late_after`` whole days are late."""
    shown = zip(rows, BANDS, strict=False)  # the last row is the sum, and no bar
    return [
        Bar(
            str(band),
            count if isinstance(count, int) else None,
            late=late_after is not None and (most is None or most > late_after),
        )
        for (band, count), (_, most) in shown
    ]


def by_area(
    found: Iterable[Life], areas: Iterable[tuple[str, str]], *, incoming: bool, exact: bool
) -> tuple[tuple[Cell, ...], ...]:
    """Area, how many are open, how many of these overdue; the last row is the sum."""
    waiting = [life for life in found if life.open]
    rows: list[tuple[Cell, ...]] = []
    for code, name in areas:
        here = [life for life in waiting if code == (life.to_area if incoming else life.from_area)]
        rows.append((name, len(here), sum(life.overdue for life in here)))
    totals = [sum(row[at] for row in rows if isinstance(row[at], int)) for at in (1, 2)]  # type: ignore[misc]
    rows.append(("all", *totals))
    columns = (
        Column("area", "Area", role=Role.KEY),
        Column("open", "Open", Unit.COUNT, Role.BASE),
        Column("overdue", "Overdue", Unit.COUNT, Role.PART),
    )
    return tuple(rows) if exact else suppress(columns, rows, total=True).rows


def figure(cell: Cell) -> str:
    """A cell as the overview writes it."""
    return "fewer than 5, or kept back" if cell is Mark.SUPPRESSED else str(cell)
