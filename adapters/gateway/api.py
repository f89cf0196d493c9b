"""The Python interface for vendors: synchronous, durable on return, working without network."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from adapters.gateway.duties.notices import words_of
from adapters.gateway.duties.watching import Alarm, Watching
from adapters.gateway.errors import AlreadyDoneError, NoSuchItemError, UnreadableError
from adapters.gateway.frontdoor.actions import Actions
from adapters.gateway.frontdoor.asking import Asking
from adapters.gateway.frontdoor.bundles import Bundles
from adapters.gateway.frontdoor.counterparts import Counterparts
from adapters.gateway.frontdoor.finding import Finding
from adapters.gateway.frontdoor.packing import Packing
from adapters.gateway.frontdoor.reviewing import Reviewing
from adapters.gateway.home import Home
from adapters.gateway.orders.answering import Orders
from adapters.gateway.record.characteristics import read_handed
from adapters.gateway.record.chronology import Chronology, Line
from adapters.gateway.record.places import LocalPlaces, Places
from adapters.gateway.record.reading import Read, Reading
from adapters.gateway.sending.mending import catch_up
from adapters.gateway.sending.obliging import Obliging
from adapters.gateway.sending.publishing import Publishing, Ready
from adapters.gateway.taking.receipting import Receipting
from adapters.gateway.taking.receiving import Receiving
from broker.clock import Clock, Entropy, system_clock, system_entropy, to_ms
from broker.errors import RejectedError
from broker.faults import Gap, no_gap
from broker.store.gateway.inbox import InRow
from broker.store.gateway.outbox import OutRow, ReaderState
from broker.store.gateway.store import Work
from schemas.catalogue import parse_event
from schemas.events.base import Event
from schemas.ids import EventId, GssCode, Postcode
from schemas.orders import OrderKind
from schemas.wire import InKind, ReceiptKind


@dataclass(frozen=True, slots=True)
class Item:
    """One delivery, as a list shows it: nothing in it was opened for that."""

    number: int
    kind: InKind
    message_id: bytes
    author: str
    author_name: str
    child: str | None
    taken_ms: int
    late: bool
    skewed: bool
    state: str
    fault: str | None
    opened_ms: int | None
    taken_on_by: str | None
    says: str | None
    """What a returned message or a notice says, in words; None for what has to be opened."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One own event on its way: what each reader has said."""

    event_id: EventId
    created_ms: int
    sent_ms: int | None
    returned: str | None
    readers: tuple[ReaderState, ...]


class Gateway:
    """One member's gateway on this machine. Commands and the running process may use the same home at once."""

    def __init__(self, home: Home, places: Callable[[], Places]) -> None:
        self.home = home
        self.places: Places = _LazyPlaces(places)
        self._reading = Reading(home)
        self.publishing = Publishing(home, self.places)
        self.orders = Orders(home, self.publishing)
        self.clocking = self.publishing.clocking
        self.characteristics = self.publishing.characteristics
        self.cueing = self.clocking.cueing
        self.obliging = Obliging(home, self.publishing)
        self.receiving = Receiving(home, self.orders, self.publishing.clocking)
        self.actions = Actions(home, self.publishing, self.orders)
        self.counterparts = Counterparts(home, self.publishing, self.actions, self.places)
        self.finding = Finding(home, self.publishing)
        self.reviewing = Reviewing(home, self.publishing, self.orders)
        self.asking = Asking(home, self.actions)
        self.packing = Packing(home, self.actions)
        self.bundles = Bundles(home, self.orders)
        self.receipting = Receipting(home, self.publishing)
        self._chronology = Chronology(home)
        self._watching = Watching(home, self.places)
        self.stepped = catch_up(home)
        """Lanes whose own chain had fallen behind: the database was restored from an old copy. Empty in normal life."""

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        places: Callable[[], Places] = LocalPlaces,
        clock: Clock = system_clock,
        entropy: Entropy = system_entropy,
        gap: Gap = no_gap,
    ) -> Self:
        """Open a member's home. Raises ConfigurationError where something is missing or open to others."""
        return cls(Home.open(folder, clock=clock, entropy=entropy, gap=gap), places)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.home.close()

    def publish(self, event: Event | Mapping[str, Any]) -> EventId:
        """Queue one event for everybody who must know. When this returns, it cannot be lost.

        A document without ``id`` gets one; the same id again is the same event and is sent once. A front door's case
        system may hand ``{"event": ..., "characteristics": {"ethnicity": "WBRI", "disabilities": ["HAND"]}}``: what
        stands beside the event no reader gets; its boards hold bands of it where the policy says so.

        Raises:
            EventRefusedError: the document breaks a rule; each fault has place, reason and advice.
            RejectedError: nobody may read it, or this member may not publish it.
            UnavailableError: the disk took no write.
        """
        return self.publish_many([event])[0]

    def publish_many(self, events: Iterable[Event | Mapping[str, Any]]) -> list[EventId]:
        """Queue events in their order, as ``publish`` does, all of them or none: many cost little more than one."""
        ready = [self._ready(event) for event in events]
        self.publishing.queue(ready)
        return [one.event.id for one in ready]

    def _ready(self, handed: Event | Mapping[str, Any]) -> Ready:
        event, said = (handed, None) if isinstance(handed, Event) else read_handed(handed)
        return self.publishing.ready(self._event(event), said=said)

    def _event(self, event: Event | Mapping[str, Any]) -> Event:
        if isinstance(event, Event):
            return event
        document = dict(event)
        document.setdefault("version", "1")
        document.setdefault("id", EventId.new(self.home.clock(), self.home.entropy))
        return parse_event(document)

    def inbox(self, *, everything: bool = False) -> list[Item]:
        """What has come, oldest first: events, and messages that were returned. ``everything``: orders and receipts too.

        The history of a handover, event by event, is in the chronology; here it would bury what is new.
        """
        kinds = tuple(InKind) if everything else (InKind.VIEW, InKind.GRANTED, InKind.RETURNED, InKind.NOTICE)
        with self.home.store.look() as work:
            alone = work.inbox.granted_alone(int(OrderKind.HANDOVER))
            rows = work.inbox.of_kind([int(kind) for kind in kinds])
        return [
            self._item(row)
            for row in rows
            if everything or row.kind != int(InKind.GRANTED) or row.number in alone
        ]

    def item(self, number: int) -> Item:
        """One delivery, unopened. Raises NoSuchItemError."""
        with self.home.store.look() as work:
            return self._item(self._row(work.inbox.get(number), number))

    def read(self, number: int, *, role: str) -> Read:
        """Open one event, and say so to its author (role, never name).

        Raises:
            RejectedError: there is none of that number, or it cannot be opened.
        """
        [read] = self.read_many([number], role=role)
        if isinstance(read, RejectedError):
            raise read
        return read

    def read_many(self, numbers: Iterable[int], *, role: str) -> list[Read | RejectedError]:
        """Open events as ``read`` does, many in one commit; one that cannot be opened gives its error in its place."""
        with self.home.store.look() as work:
            found = [(number, self._attempt(work, number)) for number in numbers]
        opened = [(number, read) for number, read in found if isinstance(read, Read)]
        if opened:
            self._say_opened(opened, role)
        return [read for _, read in found]

    def _say_opened(self, opened: Iterable[tuple[int, Read]], role: str) -> None:
        now_ms = to_ms(self.home.clock())
        with self.home.store.work() as work:
            for number, read in opened:
                if work.inbox.mark_opened(number, now_ms):
                    event_id = read.manifest.header.event_id
                    work.outbox.owe_receipt(ReceiptKind.OPENED, event_id, read.author, number, now_ms, role)

    def _attempt(self, work: Work, number: int) -> Read | RejectedError:
        try:
            return self._open(work, self._row(work.inbox.get(number), number))
        except RejectedError as error:
            return error

    def _open(self, work: Work, row: InRow) -> Read:
        match InKind(row.kind):
            case InKind.VIEW:
                return self._reading.delivered(work, row)
            case InKind.GRANTED if (held := work.inbox.granted_event(row.message_id)) is not None:
                return self._reading.granted(work, held)
            case _:
                raise UnreadableError(f"delivery {row.number} is not an event")

    def take_on(self, number: int, *, by: str) -> None:
        """Say that a named person has taken an event on. Only role and fact leave this gateway.

        Raises:
            AlreadyDoneError: somebody has.
            RejectedError: there is none of that number, or it is not an event that can be opened.
        """
        with self.home.store.work() as work:
            row = self._row(work.inbox.get(number), number)
            author = self._open(work, row).author
            now_ms = to_ms(self.home.clock())
            if not work.inbox.mark_taken_on(number, now_ms, by):
                raise AlreadyDoneError(f"{row.taken_on_by} has taken it on")
            role = by.rpartition(",")[2].strip() or None
            work.outbox.owe_receipt(ReceiptKind.TAKEN_ON, row.message_id, author, number, now_ms, role)

    def outbox(self) -> list[Sent]:
        """One's own events, newest first, and how far each is."""
        with self.home.store.look() as work:
            return [self._sent(row, work.outbox.readers(row.event_id or b"")) for row in work.outbox.events()]

    def chronology(self, child: str) -> list[Line]:
        """Everything this member may read about one child, by when it happened; granted history included.

        ``child`` is the beginning of the child's handle as the inbox shows it. Raises NoSuchItemError.
        """
        return self._chronology.of(child)

    def alarms(self) -> list[Alarm]:
        """What others owe this member and have not done, and what does not fit its own record; oldest first."""
        return self._watching.alarms()

    def _item(self, row: InRow) -> Item:
        return Item(
            number=row.number,
            kind=InKind(row.kind),
            message_id=row.message_id,
            author=row.author,
            author_name=self._name(row.author),
            child=None if row.child is None else row.child.hex(),
            taken_ms=row.taken_ms,
            late=row.late,
            skewed=row.skewed,
            state=row.state,
            fault=row.fault,
            opened_ms=row.opened_ms,
            taken_on_by=row.taken_on_by,
            says=words_of(InKind(row.kind), row.body),
        )

    def _sent(self, row: OutRow, readers: list[ReaderState]) -> Sent:
        return Sent(
            EventId.from_raw(row.event_id or bytes(16)),
            row.created_ms,
            row.sent_ms,
            row.returned,
            tuple(readers),
        )

    def _row(self, row: InRow | None, number: int) -> InRow:
        if row is None:
            raise NoSuchItemError(f"there is no delivery {number}")
        return row

    def _name(self, member_id: str) -> str:
        member = self.home.directory.member(member_id)
        return member.name if member is not None else member_id


class _LazyPlaces:
    """Compiles or opens the postcode index only when a place is really looked up."""

    def __init__(self, make: Callable[[], Places]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Places:
        return self._make()

    def authority(self, postcode: Postcode) -> GssCode | None:
        """The local authority of a postcode."""
        return self._made.authority(postcode)

    def answering(self, gss: GssCode) -> GssCode:
        """The area whose children's services answer."""
        return self._made.answering(gss)
