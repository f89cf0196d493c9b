"""Answers: kept for the session that was given them, shown under a handle that says nothing, written as a file."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker.board.pages.desk import Desk
from broker.board.pages.drawing import Story, story_of
from broker.board.pages.moves import ToldMove
from broker.board.pages.roles import Page
from broker.board.questions import Answer, Cell, Unit, cell_text, to_json
from broker.board.questions.cli import as_spreadsheet
from broker.board.showing import clean
from broker.pages.door import Visit, see

_ANSWERS: Final = "answers"
_MOST: Final = 5
_NUMERIC: Final = frozenset({Unit.COUNT, Unit.PERCENT, Unit.HOURS, Unit.DAYS})


_FORMS: Final[Mapping[str, tuple[str, Callable[[Answer], bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", lambda answer: as_spreadsheet(answer).encode("utf-8-sig")),
    "json": ("application/json", lambda answer: json.dumps(to_json(answer), indent=1).encode()),
}
"""In what form an answer is saved: its media type, and how it is written."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column."""

    text: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class TableView:
    """The rows of an answer as text, ready for the toolkit's table."""

    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, ...], ...]
    total: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it stood when it was asked for, and why it was."""

    answer: Answer
    why: str
    page: Page
    moves: tuple[ToldMove, ...] = ()


def table_of(answer: Answer) -> TableView:
    """Every row and column, as text."""
    return TableView(
        caption=answer.title,
        headings=tuple(Heading(one.heading, one.unit in _NUMERIC) for one in answer.columns),
        rows=tuple(
            tuple(clean(cell_text(cell, column)) for cell, column in zip(row, answer.columns, strict=True))
            for row in answer.rows
        ),
        total=answer.total,
    )


def named(answer: Answer) -> list[Mapping[str, Cell]]:
    """Every row by the names of its columns."""
    names = [column.name for column in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


def story(answer: Answer) -> Story | None:
    """The drawn story of what was shared, where the answer is one of that kind."""
    return story_of(named(answer)) if answer.key == "Q1" and answer.rows else None


class Answers:
    """The pages of answers that were given."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def keep(
        self, visit: Visit, answer: Answer, why: str, page: Page, moves: tuple[ToldMove, ...] = ()
    ) -> Response:
        """Keep an answer in the session, and go to its page. The oldest makes room."""
        held = visit.session.memory.setdefault(_ANSWERS, {})
        handle = secrets.token_urlsafe(12)
        held[handle] = Kept(answer, why, page, moves)
        while len(held) > _MOST:
            del held[next(iter(held))]
        return see(f"/answers/{handle}")

    def show(self, visit: Visit) -> Response:
        """An answer that this very session was given."""
        kept = self._kept(visit)
        if kept is None:
            return self._none(visit)
        drawn = story(kept.answer)
        return self._desk.page(
            visit,
            "story.html" if drawn else "answer.html",
            kept.page,
            kept=kept,
            answer=kept.answer,
            view=table_of(kept.answer),
            story=drawn,
            handle=visit.parts["handle"],
        )

    def file(self, visit: Visit) -> Response:
        """The same as a spreadsheet, or for machines. That it left the page is recorded."""
        kept, form = self._kept(visit), _FORMS.get(visit.parts["form"])
        if kept is None or form is None:
            return self._none(visit)
        self._desk.write_down(
            visit,
            kept.why,
            f"export of answer {kept.answer.logged}: {kept.answer.asked}",
            len(kept.answer.rows),
        )
        name = f"handrail-{kept.answer.key.lower()}-{kept.answer.logged}.{visit.parts['form']}"
        media_type, write = form
        return Response(
            write(kept.answer),
            media_type=media_type,
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    def _kept(self, visit: Visit) -> Kept | None:
        found = visit.session.memory.get(_ANSWERS, {}).get(visit.parts["handle"])
        return found if isinstance(found, Kept) else None

    def _none(self, visit: Visit) -> Response:
        self._desk.note("refused: an answer that was not given to this session", visit.person)
        return self._desk.page(
            visit,
            "message.html",
            None,
            status=404,
            heading="There is no such answer",
            lines=[
                "An answer is kept for the session that asked for it, and only the last few. Ask again.",
                "This attempt was recorded.",
            ],
        )
