"""The page of one child: a form that asks by reference or number. It never asks by address."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from broker.board.pages.answers import Answers
from broker.board.pages.desk import Desk
from broker.board.pages.moves import look_at_moves
from broker.board.pages.roles import Page
from broker.board.questions import BadQuestionError, NeedsApprovalError
from broker.pages.door import Visit

_QUESTION: Final = "Q1"
_BY: Final = frozenset({"case", "nhs", "upn"})


class ChildPage:
    """Asks the catalogue's first question, about one child."""

    def __init__(self, desk: Desk, answers: Answers) -> None:
        self._desk = desk
        self._answers = answers

    def show(self, visit: Visit) -> Response:
        """The form, or what it was sent with."""
        if visit.form is None:
            return self._form(visit, {}, {})
        typed = {name: visit.form.get(name, "").strip() for name in ("by", "reference", "why")}
        faults = {}
        if typed["by"] not in _BY or not typed["reference"]:
            faults["reference"] = "Enter the case reference or the number"
        if not typed["why"]:
            faults["why"] = "Say why you ask"
        if faults:
            self._desk.note(
                "refused: a question about a child without a purpose or a reference", visit.person
            )
            return self._form(visit, typed, faults)
        given = {typed["by"]: typed["reference"]}
        try:
            answer = self._desk.ask(visit, typed["why"], _QUESTION, given)
            moves = look_at_moves(self._desk, visit, typed["why"], _QUESTION, given)
        except BadQuestionError as error:
            return self._form(visit, typed, {"reference": error.says})
        except NeedsApprovalError as error:
            return self._desk.needs_approval(visit, error, Page.CHILD)
        return self._answers.keep(visit, answer, typed["why"], Page.CHILD, moves)

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
