"""The second auditor's page: questions about protected children that wait for a second person's word."""

from dataclasses import dataclass

from starlette.responses import Response

from broker.board.pages.desk import Desk
from broker.board.pages.roles import Page
from broker.board.questions import NotAnsweredError, approve, waiting
from broker.pages.door import Visit


@dataclass(frozen=True, slots=True)
class Waiting:
    """One request, with what its question was recorded as."""

    number: int
    at_ms: int
    asker: str
    asked: str
    purpose: str


class ApprovalsPage:
    """Shows what waits; takes a word, with its reason, on one request. Nobody approves a question of their own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self, visit: Visit) -> Response:
        """The requests; or, where the form was sent, what came of it."""
        if visit.form is None:
            return self._page(visit)
        number, why = visit.form.get("number", ""), visit.form.get("why", "").strip()
        if not number.isdecimal():
            return self._page(visit, fault="Choose a request", why=why)
        desk = self._desk
        try:
            request = approve(desk.home, desk.store, visit.person.asker, why, int(number), desk.clock())
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
        requests = waiting(self._desk.store, self._desk.clock())
        with self._desk.looking(visit, "requests that wait for a second auditor") as looking:
            asked = {one.number: one for one in looking.work.questions()}
            looking.shown = len(requests)
        known = [(one, asked[one.question]) for one in requests]
        at = "number" if not number else "why"
        return self._desk.page(
            visit,
            "approvals.html",
            Page.APPROVALS,
            status=422 if fault else 200,
            requests=[Waiting(one.question, it.at_ms, it.asker, one.asked, it.purpose) for one, it in known],
            approved=approved,
            number=number,
            why=why,
            at=at if fault else "",
            fault=fault,
            errors=[{"text": fault, "href": f"#{at}"}] if fault else None,
        )
