"""Pages that put one question of the catalogue whenever they are opened: silence, and decisions not to share."""

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker.board.pages.answers import table_of
from broker.board.pages.desk import Desk
from broker.board.pages.roles import Page
from broker.board.questions import NotAnsweredError
from broker.pages.door import Visit


@dataclass(frozen=True, slots=True)
class Standing:
    """Which question, on which page, and what a reader should know before."""

    key: str
    page: Page
    heading: str
    lead: str


SILENCE: Final = Standing(
    "Q14",
    Page.SILENCE,
    "Who has gone silent",
    "Organisations of this partnership that have sent and opened nothing for a while. Silence may mean that nothing "
    "happened, that a system is broken, or that nobody looks.",
)
DECISIONS: Final = Standing(
    "Q5",
    Page.DECISIONS,
    "Decisions not to share",
    "Not to share is a decision with a reason, and somebody answers for it. These were recorded: by whom, when and about "
    "what. The reason, and whether a later decision reversed it, stand with its author.",
)


class StandingPage:
    """Asked under the purpose of the session."""

    def __init__(self, desk: Desk, standing: Standing) -> None:
        self._desk = desk
        self._standing = standing

    def show(self, visit: Visit) -> Response:
        """The page."""
        standing = self._standing
        try:
            answer = self._desk.ask(visit, visit.purpose, standing.key, {})
        except NotAnsweredError as error:
            return self._desk.page(
                visit,
                "message.html",
                standing.page,
                heading=standing.heading,
                lines=[f"Not measured at this node. {error.says}"],
            )
        return self._desk.page(
            visit, "standing.html", standing.page, standing=standing, answer=answer, view=table_of(answer)
        )
