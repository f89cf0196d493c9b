"""Tells this member's people on duty of what the member owes, and the router that they were told.

The router's last word on each handover says what is owed, and so do the clocks that this gateway keeps itself. People are told by the policy's ladder, over the wires that
``notices.toml`` in the home describes. Nothing here holds up an event: sending has a thread of its own, and a mail
server that is away is tried again, visibly.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import structlog

from adapters.gateway.errors import NoKeyError
from adapters.gateway.home import Home
from adapters.gateway.sending.publishing import Publishing
from broker.clock import to_ms
from broker.crypto.signing import sign
from broker.errors import UnavailableError
from broker.notices.channels import Channels
from broker.notices.desk import NoticeDesk
from broker.notices.ladder import Obligation, ladder_of
from broker.store.notices.store import NOTICES, Notice, NoticeStore
from schemas.calendars import Division
from schemas.control import NoticeSent
from schemas.deadlines import SEEN
from schemas.handover import HandoverView
from schemas.wire import Lane, OutKind, Urgency

_log = structlog.get_logger()

SETTINGS: Final = "notices.toml"
MINUTE_MS: Final = 60_000


class Notifying:
    """One home's notices. ``tick`` is one pass; whoever runs it waits between two."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing
        self.store = NoticeStore(home.folder / NOTICES)
        self._desk = NoticeDesk(self.store, lambda: Channels.read(home.folder / SETTINGS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    async def tick(self) -> None:
        """Write down who must be told, tell them, and report it. What cannot be done now is done at a later pass."""
        try:
            member = self._home.me
            self._desk.look(member, list(self.owed()), self._division(), self._home.clock())
            await asyncio.to_thread(self._desk.send, self._home.clock())
            self._report()
        except (UnavailableError, NoKeyError) as error:
            # Disk or keys: the rows stay as they are, so nothing is lost and nothing is said twice to the router.
            _log.warning("notices-wait", error=str(error))

    def owed(self) -> Iterator[Obligation]:
        """What this member owes and has not done, by the router's last word on each handover."""
        policy = self._home.directory.policy
        with self._home.store.work() as work:
            views = [HandoverView.from_bytes(row.body) for row in work.inbox.handovers()]
            # Nobody is told earlier than the earliest rung of any ladder before something is due.
            earliest = min(rung.minutes for ladder in policy.ladders for rung in ladder.rungs)
            clocks = work.clocks.open(to_ms(self._home.clock()) - earliest * MINUTE_MS + 1)
        for row in clocks:
            if row.owner == self._home.member_id and row.due_ms is not None:
                ladder = ladder_of(policy, row.key)
                kind = row.key if row.number == 1 else f"{row.key}.{row.number}"
                # Not told to the router: what is owed would tell it what has happened.
                yield Obligation(row.about, kind, row.due_ms, urgent=False, ladder=ladder, private=True)
        for view in views:
            for due in view.due:
                if due.owner == self._home.member_id and not due.met_ms:
                    ladder = ladder_of(policy, due.kind)
                    urgent = view.urgency == Urgency.U0
                    yield Obligation(view.handover, due.kind, due.due_ms, urgent, ladder)

    def _division(self) -> Division:
        """The calendar of the first area that the member serves: its duty rota is one."""
        gss = min(self._home.me.areas)
        area = self._home.directory.area(gss)
        return area.calendar if area is not None else Division.of(gss)

    def _report(self) -> None:
        sent, seen = self.store.unreported(), self.store.seen_unreported()
        if not sent and not seen:
            return
        now_ms = to_ms(self._home.clock())
        told = [self._said(one, one.rung, one.sent_ms or 0) for one in sent]
        told += {
            (one.about, one.kind, one.due_ms): self._said(one, SEEN, one.acknowledged_ms or 0) for one in seen
        }.values()
        with self._home.store.work() as work:
            for said in told:
                signed = sign(self._home.signer(), NoticeSent.LABEL, said.to_bytes())
                name = f"notice.{said.about.hex()}.{said.owed}.{said.due_ms}.{said.rung}"
                name += f".{said.at_ms}" if said.rung == SEEN else ""
                self._publishing.control(work, OutKind.NOTICE_SENT, signed, Lane.URGENT, name)
        # A crash here: it is said again under the same name, which the bus and the router know.
        self.store.reported(sent, now_ms)
        self.store.seen_reported(seen, now_ms)

    def _said(self, notice: Notice, rung: str, at_ms: int) -> NoticeSent:
        return NoticeSent(self._home.member_id, notice.about, notice.kind, notice.due_ms, rung, at_ms)


def notices_of(home: Path) -> NoticeStore:
    """The notices of a home, for commands."""
    return NoticeStore(home / NOTICES)
