"""The page of one child: a form that asks by reference or number, and the answer as a story with its table."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import click
from starlette.responses import Response

from broker.audit.reading import read_entry
from broker.audit.receipts import Receipts
from broker.board import showing
from broker.board.asking import read_question
from broker.board.pages.desk import Desk
from broker.board.pages.roles import Page
from broker.clock import to_ms
from broker.pages.door import Visit, see

ANSWERS: Final = "answers"
MOST_ANSWERS: Final = 5
_FIELDS: Final[Mapping[str, str]] = {"case": "case_ref", "nhs": "nhs", "upn": "upn"}
_MOST_ENTRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, told."""

    at_ms: int
    number: int
    headline: str
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChildAnswer:
    """An answer as it stood when it was asked for."""

    asked: str
    why: str
    at_ms: int
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]
    nothing: str


class ChildPage:
    """Asks by POST; keeps the answer for this session alone; shows it under a handle that says nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, visit: Visit) -> Response:
        """The form, or what it was sent with."""
        if visit.form is None:
            return self._form(visit, {}, {})
        typed = {name: visit.form.get(name, "").strip() for name in ("by", "reference", "why")}
        faults = {}
        if typed["by"] not in _FIELDS or not typed["reference"]:
            faults["reference"] = "Enter the case reference or the number"
        if not typed["why"]:
            faults["why"] = "Say why you ask"
        if faults:
            self._desk.note(
                "refused: a question about a child without a purpose or a reference", visit.person
            )
            return self._form(visit, typed, faults)
        try:
            answer = self._ask(visit, typed)
        except click.UsageError as error:
            return self._form(visit, typed, {"reference": error.message})
        return see(f"/answers/{keep(visit, answer)}")

    def answer(self, visit: Visit) -> Response:
        """An answer that this very session was given."""
        answer = kept(visit)
        if answer is None:
            self._desk.note("refused: an answer that was not given to this session", visit.person)
            return self._desk.page(
                visit,
                "message.html",
                None,
                status=404,
                heading="There is no such answer",
                lines=[
                    "An answer is kept for the session that asked for it, and only the last few. Ask again."
                ],
            )
        return self._desk.page(visit, "child_answer.html", Page.CHILD, answer=answer)

    def _ask(self, visit: Visit, typed: Mapping[str, str]) -> ChildAnswer:
        desk = self._desk
        asked: dict[str, Any] = dict.fromkeys(("case_ref", "nhs", "upn", "member", "area", "since", "until"))
        asked |= {"kinds": (), "most": _MOST_ENTRIES, _FIELDS[typed["by"]]: typed["reference"]}
        with desk.store.work() as work:
            ask = read_question(desk.home, work, asked)
        with desk.asking(visit, ask.recorded, typed["why"]) as asking:
            found = asking.work.answer(ask.question)
            asking.shown = len(found)
            receipts = Receipts.read(
                asking.work.receipts_for(one.row.event_id for one in found if one.row.event_id)
            )
            warnings = showing.warnings(asking.work.holes(), asking.work.unread())
        view = showing.View(showing.names_of(desk.home.directory()), receipts)
        lines = []
        for one in found:
            told = view.tell(one, read_entry(one.row.body))
            details = tuple(showing.clean(detail) for detail in told.details)
            lines.append(Line(one.row.at_ms, one.row.place.number, showing.clean(told.headline), details))
        return ChildAnswer(
            asked=ask.recorded,
            why=typed["why"],
            at_ms=to_ms(desk.clock()),
            lines=tuple(lines),
            warnings=tuple(warnings),
            nothing=ask.unknown or "No entry fits what you asked for.",
        )

    def _form(self, visit: Visit, typed: Mapping[str, str], faults: Mapping[str, str]) -> Response:
        errors = [{"text": text, "href": f"#{name}"} for name, text in faults.items()]
        return self._desk.page(
            visit,
            "child.html",
            Page.CHILD,
            status=422 if faults else 200,
            typed=typed,
            faults=faults,
            errors=errors,
        )


def keep(visit: Visit, answer: object) -> str:
    """Keep an answer in the session; gives its handle. The oldest makes room."""
    held = visit.session.memory.setdefault(ANSWERS, {})
    handle = secrets.token_urlsafe(12)
    held[handle] = answer
    while len(held) > MOST_ANSWERS:
        del held[next(iter(held))]
    return handle


def kept(visit: Visit) -> Any:
    """The answer of the handle in the path, if this session was given it."""
    return visit.session.memory.get(ANSWERS, {}).get(visit.parts["handle"])
