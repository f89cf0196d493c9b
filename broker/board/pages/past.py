"""The questions that were put to this node: one's own, and for those who watch over it, everybody's."""

from collections.abc import Mapping

from starlette.responses import Response

from broker.board.pages.desk import Desk
from broker.board.pages.roles import ACCESS, Page
from broker.board.recording import inclusions
from broker.pages.door import Visit
from broker.store.audit.rows import Asked

_MOST = 200


class PastPage:
    """Newest first. Nobody can take a question back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def mine(self, visit: Visit) -> Response:
        """What this person has asked, and what was refused to them."""
        with self._desk.store.work() as work:
            asked = [one for one in work.questions() if one.asker == visit.person.asker]
            stands = inclusions(work, [one.number for one in asked[-_MOST:]])
        return self._page(visit, asked, stands, everybody=False)

    def everybody(self, visit: Visit) -> Response:
        """What anybody has asked. Itself a question, and recorded."""
        with self._desk.looking(visit, "everybody's questions") as looking:
            asked = looking.work.questions()
            looking.shown = len(asked)
            stands = inclusions(looking.work, [one.number for one in asked[-_MOST:]])
        return self._page(visit, asked, stands, everybody=True)

    def _page(
        self, visit: Visit, asked: list[Asked], stands: Mapping[int, str], *, everybody: bool
    ) -> Response:
        watches = bool((ACCESS[Page.EVERYBODYS_QUESTIONS].roles or frozenset()) & visit.person.roles)
        return self._desk.page(
            visit,
            "past.html",
            Page.QUESTIONS,
            asked=asked[: -_MOST - 1 : -1],
            total=len(asked),
            stands=stands,
            everybody=everybody,
            watches=watches,
        )
