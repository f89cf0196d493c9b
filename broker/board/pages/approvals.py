"""The second auditor's page: questions about protected children that wait for a second person's word."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker.board.pages.desk import Desk
from broker.board.pages.roles import Page
from broker.board.questions import NotAnsweredError, approve, waiting
from broker.pages.door import Visit

NUMBER_CHARS: Final = 18
"""No request has a longer number, and no database a place for one."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One request, with what its question was recorded as."""

    number: int
    at_ms: int
    asker: str
    asked: str
    purpose: str


def all_waiting(desk: Desk, visit: Visit, purpose: str | None = None) -> list[Waiting]:
    """Every request that can still be approved; that somebody looked is recorded first."""
    requests = waiting(desk.store, desk.clock())
    with desk.looking(visit, "requests that wait for a second auditor", purpose) as looking:
        asked = {one.number: one for one in looking.work.questions()}
        looking.shown = len(requests)
    known = [(one, asked[one.question]) for one in requests]
    return [Waiting(one.question, it.at_ms, it.asker, one.asked, it.purpose) for one, it in known]


class ApprovalsPage:
    """Shows what waits; takes a word, with its reason, on one request. Nobody approves a question of their own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, visit: Visit) -> Response:
        """The requests; or, where the form was sent, what came of it."""
        if visit.form is None:
            return self._page(visit)
        number, why = visit.form.get("number", ""), visit.form.get("why", "").strip()
        if not number.isdecimal() or len(number) > NUMBER_CHARS:
            return self._page(visit, fault="Choose a request", why=why)
        desk, person = self._desk, visit.person
        try:
            request = approve(
                desk.home, desk.store, person.asker, why, int(number), desk.clock(), subject=person.subject
            )
        except NotAnsweredError as error:
            return self._page(visit, fault=error.says, number=number, why=why)
        return self._page(visit, approved=request.question)

    def _page(
        self,
        visit: Visit,
        *,
        fault: str | None = None,
        number: str = "",
        why: str = "",
        approved: int | None = None,
    ) -> Response:
        at = "number" if not number else "why"
        return self._desk.page(
            visit,
            "approvals.html",
            Page.APPROVALS,
            status=422 if fault else 200,
            requests=all_waiting(self._desk, visit),
            approved=approved,
            number=number,
            why=why,
            at=at if fault else "",
            fault=fault,
            errors=[{"text": fault, "href": f"#{at}"}] if fault else None,
        )
