"""The overview: handovers that are open and overdue, by area, and how long moves took, drawn with a table beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker.audit.reading import read_entry
from broker.board.asking import scope_of
from broker.board.pages.answers import Heading, TableView
from broker.board.pages.desk import Desk
from broker.board.pages.figures import (
    Life,
    banded,
    bars,
    by_area,
    figure,
    lives,
    spread,
)
from broker.board.pages.roles import Page, Role
from broker.board.questions import Cell
from broker.pages.charts import Bars, draw_bars
from broker.pages.door import Visit
from broker.store.audit.rows import Question
from schemas.audit import EntryKind

_EXACT: Final = frozenset({Role.SCRUTINEER, Role.SECOND_AUDITOR})
"""Whoever may know of one child may see a small number; the others see none."""
_CONFERENCE_DAYS: Final = 21
"""Fifteen working days, where no holiday falls among them."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One distribution: what of, in words; drawn, and as a table."""

    id: str
    title: str
    words: str
    limit: str
    bars: Bars | None
    table: TableView


class OverviewPage:
    """Asked anew each time it is opened, under the purpose of the session."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, visit: Visit) -> Response:
        """The page."""
        exact = bool(visit.person.roles & _EXACT)
        found = self._lives(visit)
        directory = self._desk.home.directory()
        names = {str(area.gss): area.name for area in directory.areas}
        areas = sorted(
            ((code, names.get(code, code)) for code in self._desk.home.areas()), key=lambda one: one[1]
        )
        coming = by_area(found, areas, incoming=True, exact=exact)
        going = by_area(found, areas, incoming=False, exact=exact)
        return self._desk.page(
            visit,
            "overview.html",
            Page.OVERVIEW,
            at_ms=int(self._desk.clock().timestamp() * 1000),
            coming=_areas_view("Coming in", coming),
            going=_areas_view("Going out", going),
            coming_in=figure(coming[-1][1]),
            coming_late=figure(coming[-1][2]),
            going_out=figure(going[-1][1]),
            going_late=figure(going[-1][2]),
            drawn=[
                _drawn("accepted", "Days until the new area accepted", found, "held_ms", exact=exact),
                _drawn(
                    "conference",
                    "Days until the transfer-in conference",
                    found,
                    "conference_ms",
                    exact=exact,
                    late_after=_CONFERENCE_DAYS,
                    limit="15 working days",
                ),
            ],
            exact=exact,
        )

    def _lives(self, visit: Visit) -> list[Life]:
        home = self._desk.home
        kinds = (EntryKind.HANDOVER, EntryKind.OVERDUE)
        with self._desk.looking(visit, "overview") as looking:
            found = looking.work.answer(Question(scope_of(home.areas(), home.directory()), kinds=kinds))
            looking.shown = len(found)
        return lives(read_entry(one.row.body) for one in found)


def _drawn(
    id_: str,
    title: str,
    found: Sequence[Life],
    moment: str,
    *,
    exact: bool,
    late_after: int | None = None,
    limit: str = "",
) -> Drawn:
    one = spread(found, moment)
    rows = banded(one, exact=exact)
    whole = rows[-1][1]
    if not one.days:
        words = "It has not happened in any handover so far."
    elif isinstance(whole, int):
        words = f"In {whole} handovers so far; in half of them within {one.middle:g} days of the new area being told."
    else:
        words = "In fewer than 5 handovers so far."
    return Drawn(
        id_,
        title,
        words,
        limit,
        draw_bars(bars(rows, late_after=late_after)) if one.days else None,
        TableView(
            title,
            (Heading("Days", numeric=False), Heading("Handovers", numeric=True)),
            _text(rows),
            total=True,
        ),
    )


def _areas_view(title: str, rows: Sequence[tuple[Cell, ...]]) -> TableView:
    headings = (
        Heading("Area", numeric=False),
        Heading("Open", numeric=True),
        Heading("Overdue", numeric=True),
    )
    return TableView(title, headings, _text(rows), total=True)


def _text(rows: Sequence[tuple[Cell, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(figure(cell) for cell in row) for row in rows)
