"""The learning feed: a board tells every member of its areas what a review has taught, and each team says that it has it.

Learning names nobody. A team acknowledges with a receipt of what it has taken on, in whose role stands ``team:`` and a
code of its own choice, so that the board sees which teams have not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.gateway.errors import AlreadyDoneError, NoSuchItemError
from adapters.gateway.home import Home
from adapters.gateway.record.reading import Reading
from adapters.gateway.sending.drafting import draft
from adapters.gateway.sending.publishing import Publishing
from broker.clock import to_ms
from broker.errors import RejectedError
from broker.store.gateway.learning import Published
from schemas.catalogue import parse_event
from schemas.control import Receipt
from schemas.ids import EventId
from schemas.wire import EventClass, ReceiptKind

TYPE: Final = "learning.published"
_TEAM: Final = "team:"
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Lesson:
    """One piece of learning as a member sees it. ``teams``: which of its own have acknowledged it."""

    number: int
    board: str
    at_ms: int
    title: str
    learning: str
    ask: str | None
    teams: tuple[str, ...]


def team_of(receipt: Receipt) -> str | None:
    """The team that acknowledges with this receipt; None for any other receipt."""
    role = receipt.role or ""
    code = role.removeprefix(_TEAM)
    found = receipt.kind is ReceiptKind.TAKEN_ON and code != role and _CODE.fullmatch(code)
    return code if found else None


class LearningFeed:
    """One home's."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing
        self._reading = Reading(home)

    def publish(
        self, title: str, learning: str, themes: Sequence[str], ask: str | None = None
    ) -> list[EventId]:
        """Tell every member of the board's areas: an event for each area.

        Raises:
            RejectedError: this home is no board's.
            EventRefusedError: it does not pass as learning, for example because it names a theme that is none.
        """
        now = self._home.clock()
        told = []
        for area in sorted(self._home.me.areas):
            details = {"themes": list(themes), "title": title, "learning": learning} | (
                {"ask": ask} if ask else {}
            )
            document = draft(self._home, TYPE, {"nobody": True}, area, details)
            event_id = document["id"]
            self._publishing.publish(parse_event(document))
            with self._home.store.work() as work:
                work.learning.published(Published(event_id.raw, str(area), title, to_ms(now)))
            told.append(event_id)
        return told

    def lessons(self) -> list[Lesson]:
        """What boards have taught this member, oldest first. Nothing is opened for it, and no receipt is given."""
        found = []
        with self._home.store.look() as work:
            for row in work.inbox.of_class(int(EventClass.ADMIN)):
                try:
                    read = self._reading.delivered(work, row)
                except RejectedError:
                    continue
                if read.type != TYPE:
                    continue
                details = read.document["details"]
                teams = tuple(one.team for one in work.learning.acknowledgements(row.message_id))
                found.append(
                    Lesson(
                        row.number,
                        row.author,
                        row.taken_ms,
                        details["title"],
                        details["learning"],
                        details.get("ask"),
                        teams,
                    )
                )
        return found

    def acknowledge(self, number: int, team: str) -> None:
        """Say for a team that it has this learning.

        Raises:
            NoSuchItemError: no learning has this number.
            AlreadyDoneError: the team has said so.
        """
        code = team.strip().casefold()
        if not _CODE.fullmatch(code):
            raise NoSuchItemError(
                "a team is named by a code of letters, digits and hyphens, such as mash-north"
            )
        lesson = next((one for one in self.lessons() if one.number == number), None)
        if lesson is None:
            raise NoSuchItemError("no learning has this number; see `handrail learning list`")
        with self._home.store.work() as work:
            row = work.inbox.get(number)
            if row is None:
                raise NoSuchItemError("no learning has this number; see `handrail learning list`")
            now_ms = to_ms(self._home.clock())
            if not work.learning.acknowledge(row.message_id, self._home.member_id, code, now_ms):
                raise AlreadyDoneError(f"{code} has said so")
            role = f"{_TEAM}{code}"
            work.outbox.owe_receipt(ReceiptKind.TAKEN_ON, row.message_id, row.author, number, now_ms, role)
