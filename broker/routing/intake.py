"""One batch, one transaction: each message is taken, known already, or refused, and never delays another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final

from broker.bus.subjects import OutSubject
from broker.clock import Entropy, to_ms
from broker.crypto.check import Checked
from broker.crypto.keys import KemKey
from broker.errors import RejectedError
from broker.routing.controls import Controls
from broker.routing.desk import Desk, Item, RouterKeys
from broker.routing.events import MINUTE_MS, Events
from broker.routing.handovers import Handovers
from broker.routing.identities import Identities
from broker.routing.refusals import ChainForkError
from broker.routing.verify import (
    ChainStep,
    Verified,
    check_entitlement,
    check_place,
    judge_chain,
    sender,
    unframe_out,
    verify_event,
)
from broker.store.router.intake import ChainHead, QuarantineRow
from broker.store.router.store import RouterStore, Work
from schemas import canonical
from schemas.audit import EntryKind
from schemas.control import Resend
from schemas.directory import Directory
from schemas.wire import InKind, OutKind

_QUOTA_A_MINUTE: Final = 60
"""Refused messages kept per member and minute; beyond it they are counted in one entry."""


class Outcome(Enum):
    """What became of one message."""

    TAKEN = "taken"
    ROUTINE = "routine"
    """Taken, and nothing of it may stay at the broker."""
    REPEAT = "repeat"
    REFUSED = "refused"


@dataclass(slots=True)
class BatchResult:
    """The outcome of each message in order, and the requests to send deliveries again."""

    outcomes: list[Outcome] = field(default_factory=list)
    resends: list[tuple[str, Resend]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Moment:
    """One transaction's collaborators."""

    work: Work
    desk: Desk
    events: Events
    controls: Controls
    handovers: Handovers
    directory: Directory
    now: datetime


class Batch:
    """Takes batches. Holds no state of its own; everything is in the store."""

    def __init__(
        self,
        *,
        store: RouterStore,
        keys: RouterKeys,
        routing_keys: Mapping[str, KemKey],
        is_area: Callable[[str], bool],
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._keys = keys
        self._routing_keys = routing_keys
        self._is_area = is_area
        self._entropy = entropy

    def take(
        self,
        messages: Sequence[tuple[OutSubject | None, bytes]],
        directory: Directory,
        now: datetime,
        *,
        before_commit: Callable[[], None] = lambda: None,
    ) -> BatchResult:
        """Take a batch in one transaction; durable on return. Raises UnavailableError (then nothing was taken)."""
        result = BatchResult()
        with self._store.work() as work:
            moment = self._moment(work, directory, now)
            for entry in work.intake.in_quarantine("retry"):
                self._retry(moment, entry, result)
            for subject, data in messages:
                result.outcomes.append(self._one(moment, subject, data, result))
            before_commit()
        return result

    def tick(self, directory: Directory, now: datetime) -> int:
        """Fire what has fallen due, and take up quarantined messages that a person released; gives how many."""
        with self._store.work() as work:
            moment = self._moment(work, directory, now)
            due = work.procedures.due(to_ms(now), 200)
            for row in due:
                moment.handovers.fire(row)
            moment.handovers.flush()
            waiting = work.intake.in_quarantine("retry")
            for entry in waiting:
                self._retry(moment, entry, BatchResult())
        return len(due) + len(waiting)

    def note_resend(self, work: Work, member: str, number: int, body: bytes | None, now: datetime) -> None:
        """Queue a delivery again under a new id, or write down that the bus has lost it."""
        desk = Desk(work.outgoing, self._keys, self._entropy, to_ms(now))
        desk.audit(EntryKind.SENT_AGAIN, reader=member, number=number, lost=body is None)
        if body is not None:
            work.outgoing.put(member, number, f"{member}.{number}.{to_ms(now)}", body)

    def _moment(self, work: Work, directory: Directory, now: datetime) -> _Moment:
        desk = Desk(work.outgoing, self._keys, self._entropy, to_ms(now))
        handovers = Handovers(
            children=work.children,
            procedures=work.procedures,
            outgoing=work.outgoing,
            desk=desk,
            directory=directory,
        )
        identities = Identities(
            children=work.children,
            outgoing=work.outgoing,
            handovers=handovers,
            desk=desk,
            directory=directory,
        )
        events = Events(
            children=work.children,
            outgoing=work.outgoing,
            handovers=handovers,
            identities=identities,
            desk=desk,
            directory=directory,
        )
        controls = Controls(
            outgoing=work.outgoing,
            procedures=work.procedures,
            handovers=handovers,
            desk=desk,
            directory=directory,
        )
        return _Moment(work, desk, events, controls, handovers, directory, now)

    def _one(self, moment: _Moment, subject: OutSubject | None, data: bytes, result: BatchResult) -> Outcome:
        if subject is None:
            return Outcome.REFUSED  # the bus's permissions let no such subject through
        verified: Verified | None = None
        try:
            framed = unframe_out(data)
            if framed.kind is not OutKind.EVENT:
                with moment.work.attempt():
                    sender(subject.member, moment.directory, moment.now)
                    resend = moment.controls.take(framed.kind, framed.body, subject.member)
                if resend is not None:
                    result.resends.append((subject.member, resend))
                return Outcome.TAKEN
            verified = verify_event(framed.body, subject, moment.directory, self._routing_keys, moment.now)
            step = self._chain(moment, verified.checked)
            if step is ChainStep.REPEAT:
                return Outcome.REPEAT
            return self._event(moment, verified, subject)
        except RejectedError as error:
            self._refuse(moment, subject, data, error, verified)
            return Outcome.REFUSED

    def _event(self, moment: _Moment, verified: Verified, subject: OutSubject) -> Outcome:
        with moment.work.attempt():
            check_entitlement(verified, moment.directory, self._is_area)
            check_place(verified, subject)
            tracked = moment.events.take(verified)
        return Outcome.TAKEN if tracked else Outcome.ROUTINE

    def _chain(self, moment: _Moment, checked: Checked) -> ChainStep:
        """Step 6 and 7. The chain goes on for whatever was verified, also when it is refused later."""
        link, author = checked.facts.chain, checked.header.author
        head = moment.work.intake.head(author, link.lane.value) or ChainHead(0, bytes(32))
        step = judge_chain(link, checked.manifest_hash, head.sequence, head.digest)
        if step is ChainStep.FORK:
            raise ChainForkError
        if step is ChainStep.REPEAT:
            return step
        moment.work.intake.advance(author, link.lane.value, ChainHead(link.sequence, checked.manifest_hash))
        if step is ChainStep.GAP:
            moment.desk.audit(
                EntryKind.CHAIN_GAP,
                author=author,
                lane=link.lane.value,
                after=head.sequence,
                at=link.sequence,
            )
        return step

    def _retry(self, moment: _Moment, entry: QuarantineRow, result: BatchResult) -> None:
        """A person has mended the cause and asks for another try: the chain knows the message already."""
        subject = OutSubject.parse(entry.subject)
        try:
            framed = unframe_out(entry.body)
            if framed.kind is OutKind.EVENT:
                verified = verify_event(
                    framed.body, subject, moment.directory, self._routing_keys, moment.now
                )
                self._event(moment, verified, subject)
            else:
                with moment.work.attempt():
                    resend = moment.controls.take(framed.kind, framed.body, subject.member)
                if resend is not None:
                    result.resends.append((subject.member, resend))
            moment.work.intake.set_quarantine_state(entry.entry, "done")
        except RejectedError:
            moment.work.intake.set_quarantine_state(entry.entry, "waiting")

    def _refuse(
        self,
        moment: _Moment,
        subject: OutSubject,
        data: bytes,
        error: RejectedError,
        verified: Verified | None,
    ) -> None:
        since = moment.desk.now_ms - MINUTE_MS
        refused = moment.work.intake.quarantined_since(subject.member, since)
        if refused > _QUOTA_A_MINUTE:
            return
        if refused == _QUOTA_A_MINUTE:
            moment.desk.audit(EntryKind.FLOOD, member=subject.member)
        moment.work.intake.quarantine(
            QuarantineRow(
                entry=0,
                member=subject.member,
                code=error.code,
                sentence=error.why,
                subject=str(subject),
                body=data,
                at_ms=moment.desk.now_ms,
                state="waiting",
                verified=verified is not None,
            )
        )
        event_id = verified.checked.header.event_id if verified else None
        moment.desk.audit(
            EntryKind.REFUSED,
            member=subject.member,
            code=error.code,
            event=event_id,
            verified=verified is not None,
        )
        if moment.directory.member(subject.member) is not None:
            body = canonical.encode([error.code, error.why, error.advice, event_id])
            moment.desk.deliver(subject.member, Item(InKind.RETURNED, moment.desk.new_id(), "router", body))
