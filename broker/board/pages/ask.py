"""Any question of the catalogue: the list, a form made from what the question takes, and the asking."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker.board.pages.answers import Answers
from broker.board.pages.desk import Desk
from broker.board.pages.roles import Page, Role
from broker.board.questions import CATALOGUE, BadQuestionError, NeedsApprovalError, Question, Takes
from broker.pages.door import Visit

_CHILD_BY: Final = ("case", "nhs", "upn", "sample")
_DATES: Final = ("since", "until")
_FIELD_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys(_CHILD_BY, "reference"),
    "child": "reference",
    "period": "since-day",
    "since": "since-day",
    "until": "until-day",
    "purpose": "why",
}
"""Where on the page a person mends what the catalogue complains of."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a list."""

    value: str
    text: str


def questions_for(roles: frozenset[str]) -> list[Question]:
    """What somebody of these roles may ask. Who sees no child asks only for figures of many."""
    every = list(CATALOGUE.values())
    return every if Role.SCRUTINEER in roles else [one for one in every if one.aggregate]


def params_of(form: Mapping[str, str], question: Question, *, of_a_child: bool) -> dict[str, str | None]:
    """What was typed, under the names that the catalogue knows. Raises BadQuestionError for half a date."""
    given: dict[str, str | None] = {}
    if Takes.CHILD in question.takes and of_a_child and form.get("reference", "").strip():
        by = form.get("by", "")
        if by not in _CHILD_BY:
            raise BadQuestionError("child", "Say what kind of reference it is.")
        given[by] = form["reference"]
    if Takes.PERIOD in question.takes:
        given |= {name: _date(form, name) for name in _DATES}
    for takes in (Takes.AREA, Takes.MEMBER, Takes.HOURS, Takes.DAYS):
        if takes in question.takes:
            given[takes.value] = form.get(takes.value, "").strip() or None
    return given


def _date(form: Mapping[str, str], name: str) -> str | None:
    day, month, year = (form.get(f"{name}-{part}", "").strip() for part in ("day", "month", "year"))
    if not (day or month or year):
        return None
    if not (day.isdecimal() and month.isdecimal() and year.isdecimal()):
        raise BadQuestionError(name, "Enter day, month and year, such as 27 3 2026.")
    return f"{int(year):04}-{int(month):02}-{int(day):02}"


class AskPage:
    """Chooses a question, and asks it."""

    def __init__(self, desk: Desk, answers: Answers) -> None:
        self._desk = desk
        self._answers = answers

    def choose(self, visit: Visit) -> Response:
        """The questions that this person may ask."""
        return self._desk.page(visit, "ask.html", Page.ASK, questions=questions_for(visit.person.roles))

    def one(self, visit: Visit) -> Response:
        """The form of one question, or the asking."""
        allowed = {one.key: one for one in questions_for(visit.person.roles)}
        question = allowed.get(visit.parts["key"])
        if question is None:
            self._desk.note("refused: a question that there is not, or not for this role", visit.person)
            return self._desk.page(
                visit,
                "message.html",
                Page.ASK,
                status=404,
                heading="There is no such question for you",
                lines=["Choose one of those on the page “Ask”. This attempt was recorded."],
            )
        if visit.form is None:
            return self._form(visit, question, {}, None)
        why = visit.form.get("why", "").strip()
        if not why:
            self._desk.note(f"refused: {question.key} without a purpose", visit.person)
            return self._form(visit, question, visit.form, BadQuestionError("purpose", "Say why you ask"))
        try:
            of_a_child = Role.SCRUTINEER in visit.person.roles
            answer = self._desk.ask(
                visit, why, question.key, params_of(visit.form, question, of_a_child=of_a_child)
            )
        except BadQuestionError as error:
            return self._form(visit, question, visit.form, error)
        except NeedsApprovalError as error:
            return self._desk.needs_approval(visit, error, Page.ASK)
        return self._answers.keep(visit, answer, why, Page.ASK)

    def _form(
        self, visit: Visit, question: Question, typed: Mapping[str, str], error: BadQuestionError | None
    ) -> Response:
        at = _FIELD_OF.get(error.field, error.field) if error else ""
        directory = self._desk.home.directory()
        areas = self._desk.home.areas()
        names = {str(area.gss): area.name for area in directory.areas}
        return self._desk.page(
            visit,
            "ask_one.html",
            Page.ASK,
            status=422 if error else 200,
            question=question,
            takes={one.value for one in question.takes if self._offers(visit, one)},
            typed=typed,
            at=at,
            fault=error.says if error else None,
            errors=[{"text": error.says, "href": f"#{at}"}] if error else None,
            areas=_sorted(Choice(code, names.get(code, code)) for code in areas),
            members=_sorted(
                Choice(str(one.id), one.name) for one in directory.members if areas & set(one.acting_areas)
            ),
        )

    def _offers(self, visit: Visit, takes: Takes) -> bool:
        return takes is not Takes.CHILD or Role.SCRUTINEER in visit.person.roles


def _sorted(choices: Iterable[Choice]) -> list[Choice]:
    return sorted(choices, key=lambda one: one.text)
