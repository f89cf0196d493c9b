"""What the pages stand on: the board's home, its store, the clock, and the record of every question and refusal."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.responses import Response

from broker.board.node import BoardHome
from broker.board.pages.roles import Page, menu, role_names
from broker.board.questions import Answer, NeedsApprovalError, ask
from broker.board.recording import to_the_log, write_down
from broker.board.showing import clean
from broker.clock import Clock, to_ms
from broker.pages.door import Refusal, Visit, see
from broker.pages.layout import Layout
from broker.pages.limits import Limits
from broker.pages.sessions import Person
from broker.store.audit.store import AuditStore, AuditWork

_log = structlog.get_logger()

NOBODY: Final = "(nobody is signed in)"


@dataclass(frozen=True, slots=True)
class Desk:
    """One node's pages. ``quiet`` bounds how many refusals of strangers are written down one by one."""

    home: BoardHome
    store: AuditStore
    layout: Layout
    clock: Clock
    quiet: Limits
    local_sign_in: bool

    def ask(self, visit: Visit, purpose: str, key: str, params: Mapping[str, str | None]) -> Answer:
        """Put a question of the catalogue: recorded before it is answered.

        Raises:
            BadQuestionError: it cannot be read.
            NeedsApprovalError: a second auditor must agree first.
        """
        asker = visit.person.asker
        return ask(self.home, self.store, asker, clean(purpose), key, params, self.clock())

    @contextmanager
    def looking(self, visit: Visit, asked: str, purpose: str | None = None) -> Iterator["Looking"]:
        """A page's own question, under the session's purpose if no other is given: on disk and in the log when its block is left."""
        with self.store.work() as work:
            looking = Looking(work)
            yield looking
            at_ms = to_ms(self.clock())
            why = clean(purpose or visit.purpose)
            write_down(self.home, work, at_ms, visit.person.asker, why, asked, looking.shown)
        to_the_log(self.home, self.store)

    def write_down(self, visit: Visit, purpose: str, asked: str, shown: int) -> None:
        """Record what else was done with an answer."""
        with self.store.work() as work:
            at_ms = to_ms(self.clock())
            write_down(self.home, work, at_ms, visit.person.asker, clean(purpose), asked, shown)
        to_the_log(self.home, self.store)

    def needs_approval(self, visit: Visit, error: NeedsApprovalError, page: Page) -> Response:
        """The page for a question that a second person must agree to first."""
        return self.page(visit, "needs_approval.html", page, status=403, number=error.logged, says=error.says)

    def page(
        self, visit: Visit, template: str, current: Page | None, *, status: int = 200, **values: Any
    ) -> Response:
        """A page for somebody who is signed in."""
        return self.layout.show(
            template,
            status=status,
            person=visit.person,
            role_names=role_names(visit.person.roles),
            purpose=visit.purpose,
            menu=menu(visit.person.roles, current),
            csrf=visit.session.csrf,
            **values,
        )

    def stranger_page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page for somebody who is not."""
        return self.layout.show(template, status=status, **values)

    def note(self, what: str, person: Person | None) -> None:
        """Record what is no question: signing in and out, and what was refused."""
        name = "stranger" if person is None else person.subject
        if person is None and not self.quiet.allow(name):
            _log.warning("page-refused-quietly")
            return
        _log.info("page-noted", what=what)
        with self.store.work() as work:
            # It goes to the log with the next question: nothing is released here that would have to wait.
            name = person.asker if person else NOBODY
            write_down(self.home, work, to_ms(self.clock()), name, "", what, 0)

    def refused(self, refusal: Refusal, page: str, person: Person | None) -> Response:
        """Tell of a refusal, and record it. Who has merely not signed in, or said why, is sent to do so."""
        if refusal is Refusal.NOT_SIGNED_IN:
            return see("/sign-in")
        if refusal is Refusal.NO_PURPOSE:
            return see("/purpose")
        self.note(f"refused: {refusal.value} ({page})", person)
        if refusal is Refusal.FORGED:
            return self.stranger_page(
                "message.html",
                status=403,
                heading="You are not signed in",
                lines=[
                    "You were signed out, perhaps because you did nothing for a while. Nothing was shown."
                ],
                link={"href": "/sign-in", "text": "Sign in"},
            )
        status, heading, lines = _REFUSED[refusal]
        return self.stranger_page(
            "message.html",
            status=status,
            heading=heading,
            lines=[*lines, "This attempt was recorded."],
            link={"href": "/", "text": "To the first page"},
        )


@dataclass(slots=True)
class Looking:
    """A page's question under way; ``shown`` is how many rows its answer has."""

    work: AuditWork
    shown: int = 0


_REFUSED: Final[dict[Refusal, tuple[int, str, tuple[str, ...]]]] = {
    Refusal.ROLE: (
        403,
        "Your role does not see this page",
        ("Ask the partnership’s business manager if it should.",),
    ),
    Refusal.BY_ADDRESS: (
        400,
        "Nothing is asked by address",
        (
            "Addresses are kept by browsers and networks. Use the form: what you type there goes to this node and nowhere else.",
        ),
    ),
    Refusal.OTHER_SITE: (
        403,
        "That form was not sent from here",
        ("Open the page again and send its own form.",),
    ),
    Refusal.NO_SECRET: (403, "That form is out of date", ("Open the page again and send its form.",)),
    Refusal.TOO_OFTEN: (429, "Too many questions in a short time", ("Wait a minute, then try again.",)),
}
