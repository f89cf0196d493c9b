"""The page of one child: a form that asks by reference or number. It never asks by address."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from broker.board.mirror import NoHeadError, NotTheLogError
from broker.board.pages.answers import Answers
from broker.board.pages.desk import Desk
from broker.board.pages.moves import look_at_moves
from broker.board.pages.roles import Page
from broker.board.proving import prove
from broker.board.questions import BadQuestionError, NeedsApprovalError
from broker.board.showing import clean
from broker.errors import ConfigurationError
from broker.pages.door import Visit

_QUESTION: Final = "Q1"
_NAMED: Final[Mapping[str, str]] = {"case": "case_ref", "nhs": "nhs", "upn": "upn"}
"""What a person can ask by, and what an export calls it."""


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
        if typed["by"] not in _NAMED or not typed["reference"]:
            faults["reference"] = "Enter the case reference or the number"
        if not typed["why"]:
            faults["why"] = "Say why you ask"
        if faults:
            self._desk.note(
                "refused: a question about a child without a purpose or a reference", visit.person
            )
            return self._form(visit, typed, faults)
        if visit.form.get("as") == "file":
            return self._file(visit, typed)
        given = {typed["by"]: typed["reference"]}
        try:
            answer = self._desk.ask(visit, typed["why"], _QUESTION, given)
            moves = look_at_moves(self._desk, visit, typed["why"], _QUESTION, given)
        except BadQuestionError as error:
            return self._form(visit, typed, {"reference": error.says})
        except NeedsApprovalError as error:
            return self._desk.needs_approval(visit, error, Page.CHILD)
        return self._answers.keep(visit, answer, typed["why"], Page.CHILD, moves)

    def _file(self, visit: Visit, typed: Mapping[str, str]) -> Response:
        """The answer with its proofs, as a file for ``handrail-verify``."""
        desk = self._desk
        asked = dict.fromkeys(("case_ref", "nhs", "upn", "member", "area", "since", "until")) | {
            "kinds": (),
            "most": 0,
            _NAMED[typed["by"]]: typed["reference"],
        }
        who = visit.person.asker, clean(typed["why"])
        try:
            proven = prove(desk.home, desk.store, who, asked, desk.clock())
        except BadQuestionError as error:
            return self._form(visit, typed, {"reference": error.says})
        except NeedsApprovalError as error:
            return desk.needs_approval(visit, error, Page.CHILD)
        except (NoHeadError, NotTheLogError, ConfigurationError) as error:
            return self._form(visit, typed, {"reference": f"Nothing could be proven: {error}"})
        return Response(
            proven.data,
            media_type="application/json",
            headers={"content-disposition": 'attachment; filename="handrail-proof.json"'},
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
