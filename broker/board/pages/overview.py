"""The overview: handovers that are open and overdue, by area, and how long moves took, drawn with a table beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker.board.pages.answers import Heading, TableView
from broker.board.pages.desk import Desk
from broker.board.pages.figures import (
    Spread,
    banded,
    bars,
    by_area,
    days_to,
    days_to_met,
    figure,
    overdue,
    working_days_to,
)
from broker.board.pages.roles import Page, Role
from broker.board.questions import Cell
from broker.board.questions.duties import SEEN_AFTER_MOVE
from broker.board.questions.ground import Ground
from broker.board.questions.params import Params
from broker.board.scope import scope_of
from broker.board.showing import names_of
from broker.clock import to_ms
from broker.pages.charts import Bars, draw_bars
from broker.pages.door import Visit
from broker.store.audit.rows import Due, Move, Obligation

_EXACT: Final = frozenset({Role.SCRUTINEER, Role.SECOND_AUDITOR})
"""Whoever may know of one child may see a small number; the others see none."""
_CONFERENCE_DAYS: Final = 15
"""Working days."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One distribution: what of, in words; drawn, and as a table."""

    id: str
    title: str
    words: str
    limit: str
    bars: Bars | None
    table: TableView


@dataclass(frozen=True, slots=True)
class Looked:
    """What the page is made from. ``seen`` None: no member has ever told when a child was seen."""

    moves: Sequence[Move]
    late: Sequence[Due]
    seen: Sequence[Obligation] | None


class OverviewPage:
    """Asked anew each time it is opened, under the purpose of the session."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, visit: Visit) -> Response:
        """The page."""
        exact = bool(visit.person.roles & _EXACT)
        at_ms = to_ms(self._desk.clock())
        looked = self._look(visit, at_ms)
        late = overdue(looked.moves, looked.late)
        names = names_of(self._desk.home.directory())
        areas = sorted(((code, names(code)) for code in self._desk.home.areas()), key=lambda one: one[1])
        coming = by_area(looked.moves, late, areas, incoming=True, exact=exact)
        going = by_area(looked.moves, late, areas, incoming=False, exact=exact)
        return self._desk.page(
            visit,
            "overview.html",
            Page.OVERVIEW,
            at_ms=at_ms,
            coming=_areas_view("Coming in", coming),
            going=_areas_view("Going out", going),
            numbers=[
                (figure(coming[-1][1]), "coming in"),
                (figure(coming[-1][2]), "of these overdue"),
                (figure(going[-1][1]), "going out"),
                (figure(going[-1][2]), "of these overdue"),
            ],
            drawn=_all_drawn(looked, exact=exact),
            exact=exact,
        )

    def _look(self, visit: Visit, at_ms: int) -> Looked:
        home = self._desk.home
        directory = home.directory()
        with self._desk.looking(visit, "overview") as looking:
            scope = scope_of(home.board, directory)
            ground = Ground(looking.work, scope, Params(), None, directory, names_of(directory), at_ms)
            looked = Looked(
                ground.moves(), looking.work.late(scope, ground.period), ground.obligations(SEEN_AFTER_MOVE)
            )
            looking.shown = len(looked.moves)
        return looked


def _all_drawn(looked: Looked, *, exact: bool) -> list[Drawn]:
    moves = looked.moves
    return [
        _drawn("accepted", "Days until the new area accepted", days_to(moves, "accept"), exact=exact),
        _drawn(
            "seen",
            "Days until the child was seen",
            None if looked.seen is None else days_to_met(looked.seen),
            exact=exact,
        ),
        _drawn(
            "conference",
            "Working days until the transfer-in conference",
            working_days_to(moves, "conference-held"),
            exact=exact,
            late_after=_CONFERENCE_DAYS,
            limit="15 working days",
        ),
    ]


def _drawn(
    id_: str, title: str, one: Spread | None, *, exact: bool, late_after: int | None = None, limit: str = ""
) -> Drawn:
    if one is None:
        words = "Not measured: no organisation has told this node so far."
        return Drawn(id_, title, words, limit, None, TableView(title, (), (), total=False))
    rows = banded(one, exact=exact)
    whole = rows[-1][1]
    if not one.days:
        words = "It has not happened so far."
    elif isinstance(whole, int):
        often = "Once so far," if whole == 1 else f"{whole} times so far; half of them"
        words = f"{often} within {one.middle:g} {one.unit} of being told."
    else:
        words = "Fewer than 5 times so far."
    headings = (Heading(one.unit.capitalize(), numeric=False), Heading("How many", numeric=True))
    drawing = draw_bars(bars(rows, one.bands, late_after=late_after)) if one.days else None
    return Drawn(id_, title, words, limit, drawing, TableView(title, headings, _text(rows), total=True))


def _areas_view(title: str, rows: Sequence[tuple[Cell, ...]]) -> TableView:
    headings = (
        Heading("Area", numeric=False),
        Heading("Open", numeric=True),
        Heading("Overdue", numeric=True),
    )
    return TableView(title, headings, _text(rows), total=True)


def _text(rows: Sequence[tuple[Cell, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(figure(cell) for cell in row) for row in rows)
