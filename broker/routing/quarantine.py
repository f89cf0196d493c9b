"""What is refused: kept for a second try, written down, returned to its sender; and never a way to fill the disk.

A refused message may be a routine one, and its bytes name tokens. So they go as soon as they are not needed: when
the message is taken after all, or after ``KEPT_DAYS``. That it was refused, when, why and whose it was, stays (P12).
"""

from typing import Final

from broker.bus.subjects import OutSubject
from broker.errors import RejectedError
from broker.routing.desk import Desk, Item
from broker.routing.ordering import DAY_MS, MINUTE_MS
from broker.store.router.intake import Intake, QuarantineRow
from schemas import canonical
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.wire import InKind

QUOTA_A_MINUTE: Final = 60
"""Refused messages kept per member and minute; beyond it they are counted, in one entry a minute."""
KEPT_DAYS: Final = 14
"""How long an operator has to mend the cause. The sender was told at once and has its own copy."""
_MOST_A_TICK: Final = 200


class Quarantine:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(self, *, intake: Intake, desk: Desk, directory: Directory) -> None:
        self._intake = intake
        self._desk = desk
        self._directory = directory

    def refuse(self, subject: OutSubject, data: bytes, error: RejectedError, event_id: bytes | None) -> None:
        """Refuse a message; ``event_id`` where its signature held.

        Beyond the quota nothing is kept, but whoever rightly signed still gets it back: it must know that its event
        was not taken. What nobody signed is only counted.
        """
        member = subject.member
        kept = self._intake.quarantined_since(member, self._desk.now_ms - MINUTE_MS) < QUOTA_A_MINUTE
        if kept:
            self._keep(subject, data, error, event_id)
        else:
            self._intake.count_flood(member, self._desk.now_ms)
        if kept or event_id is not None:
            self.give_back(member, error, event_id)

    def sum_up(self) -> int:
        """Write one entry for each flood of the last minute, and let go of bytes that have waited too long."""
        floods = self._intake.floods_since(self._desk.now_ms - MINUTE_MS)
        for member, since_ms, count in floods:
            self._desk.audit(EntryKind.FLOOD, member=member, since_ms=since_ms, count=count)
        old = self._intake.waiting_since(self._desk.now_ms - KEPT_DAYS * DAY_MS, _MOST_A_TICK)
        for entry in old:
            self._intake.empty(entry, "expired")
        return len(floods) + len(old)

    def _keep(self, subject: OutSubject, data: bytes, error: RejectedError, event_id: bytes | None) -> None:
        self._intake.quarantine(
            QuarantineRow(
                entry=0,
                member=subject.member,
                code=error.code,
                sentence=error.why,
                subject=str(subject),
                body=data,
                at_ms=self._desk.now_ms,
                state="waiting",
                verified=event_id is not None,
            )
        )
        self._desk.audit(
            EntryKind.REFUSED,
            member=subject.member,
            code=error.code,
            event=event_id,
            verified=event_id is not None,
        )

    def give_back(self, member: str, error: RejectedError, event_id: bytes | None) -> None:
        """Tell a member why its message, or its event, did not get where it must; with what it is to do."""
        if self._directory.member(member) is None:
            return
        body = canonical.encode([error.code, error.why, error.advice, event_id])
        self._desk.deliver(member, Item(InKind.RETURNED, self._desk.new_id(), "router", body))
