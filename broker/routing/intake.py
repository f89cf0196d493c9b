"""One batch, one transaction: each message is taken, known already, or refused, and never delays another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final

from broker.bus.subjects import OutSubject
from broker.clock import Entropy, from_ms, to_ms
from broker.crypto.check import Checked
from broker.crypto.keys import KemKey
from broker.errors import RejectedError
from broker.routing.controls import Controls
from broker.routing.desk import Desk, RouterKeys, Said
from broker.routing.events import Events
from broker.routing.forgetting import forget_if_over
from broker.routing.handovers import Handovers
from broker.routing.identities import Identities
from broker.routing.items import Items
from broker.routing.judging import Control, Event, Judged, Nowhere, Refused, judge, read_ahead
from broker.routing.ordering import Ordering
from broker.routing.quarantine import Quarantine
from broker.routing.refusals import ChainForkError, EventIdTakenError, LostOnTheBusError
from broker.routing.relay import GRID_MS, Relay
from broker.routing.reviews import Reviews
from broker.routing.shield import Shield
from broker.routing.veiling import Veiling
from broker.routing.verify import (
    ChainStep,
    Framed,
    Verified,
    check_entitlement,
    check_place,
    judge_chain,
    sender,
)
from broker.store.router.intake import ChainHead, QuarantineRow
from broker.store.router.store import RouterStore, Work
from schemas.audit import EntryKind
from schemas.control import Resend
from schemas.directory import Directory

_MOST_A_TICK: Final = 200


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
    said: list[Said] = field(default_factory=list)
    """The audit entries of the batch."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """One transaction's collaborators."""

    work: Work
    desk: Desk
    events: Events
    controls: Controls
    items: Items
    handovers: Handovers
    quarantine: Quarantine
    relay: Relay
    veiling: Veiling
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
        grid_ms: int = GRID_MS,
    ) -> None:
        self._store = store
        self._grid_ms = grid_ms
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
            judged = [self._judge(subject, data, moment) for subject, data in messages]
            read_ahead(work, judged)
            result.outcomes = [self._one(moment, one, result) for one in judged]
            before_commit()
        result.said = moment.desk.said
        return result

    def tick(self, directory: Directory, now: datetime, said: list[Said] | None = None) -> int:
        """Fire what has fallen due, take up what a person released from quarantine, let go of what is over.

        Gives how much there was to do; ``said`` is given the audit entries of it.
        """
        now_ms = to_ms(now)
        with self._store.work() as work:
            moment = self._moment(work, directory, now)
            due = work.procedures.due(now_ms, _MOST_A_TICK)
            for row in due:
                # What an earlier one of them has brought about may have met it: then nothing of it is late.
                if row in work.procedures.owed(row.about):
                    moment.handovers.fire(row)
            moment.desk.flush()
            for child in {row.child for row in due}:
                forget_if_over(work.children, work.procedures, child, now_ms)
            waiting = work.intake.in_quarantine("retry")
            for entry in waiting:
                self._retry(moment, entry, BatchResult())
            expired = work.procedures.expire(now_ms, _MOST_A_TICK)
            for child in expired:
                forget_if_over(work.children, work.procedures, child, now_ms)
            summed = moment.quarantine.sum_up() + self._speak(work, directory, now_ms, said)
        if said is not None:
            said += moment.desk.said
        return len(due) + len(waiting) + len(expired) + summed

    def _speak(self, work: Work, directory: Directory, now_ms: int, said: list[Said] | None) -> int:
        """At a slot of the grid: what a side that a hidden child has left is told, and one veiled block.

        The moment is the slot's own, so that not even the time of a signature tells how much there was to do.
        """
        slot = now_ms // self._grid_ms
        if not work.hiding.slot(slot):
            return 0
        moment = self._moment(work, directory, from_ms(slot * self._grid_ms))
        moment.relay.speak()
        moment.items.speak()
        moment.desk.flush()
        moment.veiling.block(moment.desk.block)
        if said is not None:
            said += moment.desk.said
        # While a child is hidden a block is written in any case: that is all there is to see from outside.
        return len(moment.desk.said)

    def note_resend(
        self, work: Work, member: str, number: int, body: bytes | None, directory: Directory, now: datetime
    ) -> None:
        """Queue a delivery again under a new id.

        What the bus has lost is written down, and its place is taken by a word that says so: what waits behind it
        must not wait for ever. Its author, where the router knows it, is asked to publish it again.
        """
        desk = Desk(work.outgoing, self._keys, self._entropy, to_ms(now))
        desk.audit(EntryKind.SENT_AGAIN, reader=member, number=number, lost=body is None)
        if body is not None:
            work.outgoing.put(member, number, f"{member}.{number}.{to_ms(now)}", body)
            return
        event_id, author = work.outgoing.events_given(member, [number]).get(number, (None, None))
        desk.replace(member, number, event_id)
        if author is not None and directory.member(author) is not None:
            Quarantine(intake=work.intake, desk=desk, directory=directory).give_back(
                author, LostOnTheBusError(), event_id
            )

    def _desk(self, work: Work, shield: Shield, directory: Directory, now: datetime) -> tuple[Desk, Veiling]:
        """The pen, and what it may write in clear."""
        desk = Desk(work.outgoing, self._keys, self._entropy, to_ms(now))
        veiling = Veiling(
            hiding=work.hiding, shield=shield, directory=directory, entropy=self._entropy, now_ms=desk.now_ms
        )
        desk.veil, desk.slip_keys, desk.alias = veiling.take, veiling.slip_keys, shield.alias
        return desk, veiling

    def _moment(self, work: Work, directory: Directory, now: datetime) -> _Moment:
        shield = Shield(hiding=work.hiding, children=work.children, directory=directory)
        desk, veiling = self._desk(work, shield, directory, now)
        ordering, relay = self._ordering(work, desk, shield, directory)
        handovers = Handovers(
            children=work.children,
            links=work.links,
            procedures=work.procedures,
            ordering=ordering,
            desk=desk,
            directory=directory,
            shield=shield,
            relay=relay,
        )
        identities = Identities(
            children=work.children,
            links=work.links,
            handovers=handovers,
            ordering=ordering,
            desk=desk,
            directory=directory,
            shield=shield,
        )
        reviews = Reviews(work.procedures, ordering, desk, directory)
        events = Events(
            children=work.children,
            outgoing=work.outgoing,
            procedures=work.procedures,
            handovers=handovers,
            identities=identities,
            reviews=reviews,
            ordering=ordering,
            desk=desk,
            directory=directory,
            shield=shield,
        )
        items = Items(
            work, handovers=handovers, ordering=ordering, desk=desk, directory=directory, shield=shield
        )
        controls = Controls(
            children=work.children,
            outgoing=work.outgoing,
            procedures=work.procedures,
            handovers=handovers,
            reviews=reviews,
            desk=desk,
            directory=directory,
            shield=shield,
            relay=relay,
            hiding=work.hiding,
            items=items,
            ordering=ordering,
        )
        quarantine = Quarantine(intake=work.intake, desk=desk, directory=directory)
        return _Moment(
            work, desk, events, controls, items, handovers, quarantine, relay, veiling, directory, now
        )

    def _ordering(
        self, work: Work, desk: Desk, shield: Shield, directory: Directory
    ) -> tuple[Ordering, Relay]:
        ordering = Ordering(
            procedures=work.procedures, outgoing=work.outgoing, desk=desk, directory=directory, shield=shield
        )
        relay = Relay(
            children=work.children,
            procedures=work.procedures,
            hiding=work.hiding,
            shield=shield,
            ordering=ordering,
            desk=desk,
            directory=directory,
        )
        return ordering, relay

    def _judge(self, subject: OutSubject | None, data: bytes, moment: _Moment) -> Judged:
        return judge(subject, data, moment.directory, self._routing_keys, moment.now)

    def _one(self, moment: _Moment, judged: Judged, result: BatchResult) -> Outcome:
        if isinstance(judged, Nowhere):
            return Outcome.REFUSED
        try:
            return self._take(moment, judged, result)
        except RejectedError as error:
            event_id = error.event_id
            if isinstance(judged, Event):
                event_id = judged.verified.checked.header.event_id
            moment.quarantine.refuse(judged.subject, judged.data, error, event_id)
            return Outcome.REFUSED

    def _take(self, moment: _Moment, judged: Event | Control | Refused, result: BatchResult) -> Outcome:
        match judged:
            case Refused(error=error):
                raise error
            case Control(subject, _, framed):
                self._control(moment, subject, framed, result)
                return Outcome.TAKEN
            case Event(subject, _, verified):
                if self._chain(moment, verified.checked) is ChainStep.REPEAT:
                    return Outcome.REPEAT
                return self._event(moment, verified, subject)

    def _control(self, moment: _Moment, subject: OutSubject, framed: Framed, result: BatchResult) -> None:
        """Each kind of control message refuses before it writes anything, so there is nothing to undo."""
        sender(subject.member, moment.directory, moment.now)
        resend = moment.controls.take(framed.kind, framed.body, subject.member)
        if resend is not None:
            result.resends.append((subject.member, resend))

    def _event(self, moment: _Moment, verified: Verified, subject: OutSubject) -> Outcome:
        check_entitlement(verified, moment.directory, self._is_area)
        check_place(verified, subject)
        self._require_own_id(moment, verified.checked)
        if verified.facts.action is None:
            # Nothing is written yet, and an event that asks for no action is never refused from here on.
            return _outcome(moment.events.take(verified))
        with self._attempt(moment):
            return _outcome(moment.events.take(verified))

    def _require_own_id(self, moment: _Moment, checked: Checked) -> None:
        """Step 10. Its own author may send an event again; readers would take another's for the same one."""
        author = moment.work.outgoing.author_of(checked.header.event_id)
        if author is not None and author != checked.header.author:
            raise EventIdTakenError

    @contextmanager
    def _attempt(self, moment: _Moment) -> Iterator[None]:
        """What a refused message had written, and had kept to be said later, is undone; the batch stands."""
        said = len(moment.desk.said)
        try:
            with moment.work.attempt():
                yield
        except RejectedError:
            moment.desk.unsay(said)
            raise

    def _chain(self, moment: _Moment, checked: Checked) -> ChainStep:
        """Step 6 and 7. The chain goes on for whatever was verified, also when it is refused later."""
        link, author, intake = checked.facts.chain, checked.header.author, moment.work.intake
        lane = link.lane.value
        head = intake.head(author, lane) or ChainHead(0, bytes(32))
        holes = intake.holes(author, lane) if link.sequence <= head.sequence else []
        step = judge_chain(link, checked.manifest_hash, head.sequence, head.digest, holes)
        match step:
            case ChainStep.FORK:
                raise ChainForkError
            case ChainStep.LATE:
                hole = next(one for one in holes if one[0] <= link.sequence <= one[1])
                intake.fill_hole(author, lane, hole, link.sequence)
            case ChainStep.GAP:
                intake.open_hole(author, lane, head.sequence + 1, link.sequence - 1)
                moment.desk.audit(
                    EntryKind.CHAIN_GAP, author=author, lane=lane, after=head.sequence, at=link.sequence
                )
        if step in {ChainStep.NEXT, ChainStep.GAP}:
            intake.advance(author, lane, ChainHead(link.sequence, checked.manifest_hash))
        return step

    def _retry(self, moment: _Moment, entry: QuarantineRow, result: BatchResult) -> None:
        """A person has mended the cause and asks for another try: the chain knows the message already."""
        if not entry.body:
            moment.work.intake.empty(entry.entry, "expired")
            return
        judged = self._judge(OutSubject.parse(entry.subject), entry.body, moment)
        try:
            match judged:
                case Refused(error=error):
                    raise error
                case Control(subject, _, framed):
                    self._control(moment, subject, framed, result)
                case Event(subject, _, verified):
                    self._event(moment, verified, subject)
        except RejectedError as error:
            moment.work.intake.still_refused(entry.entry, error.code, error.why)
        else:
            moment.work.intake.empty(entry.entry, "done")


def _outcome(tracked: bool) -> Outcome:
    return Outcome.TAKEN if tracked else Outcome.ROUTINE
