"""What a front door holds of the events that an order asks for: sent to it, or granted when the child came to it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adapters.gateway.home import Home
from adapters.gateway.record.reading import Read, Reading
from adapters.gateway.record.sameness import Identifiers, identifiers_in
from broker.errors import RejectedError
from broker.store.gateway.store import Work
from schemas.orders import Order
from schemas.wire import InKind


@dataclass(frozen=True, slots=True)
class Ours:
    """One event that we hold, and its place."""

    event_id: bytes
    position: int
    taken_ms: int
    arrived_ms: int
    read: Read

    def to_hand_on(self) -> "Ours":
        """What is needed to grant it: as it was sealed, and its type, without the words that were read."""
        return replace(self, read=replace(self.read, event=None, document={"type": self.read.type}))


class Holdings:
    """One home's."""

    def __init__(self, home: Home) -> None:
        self._reading = Reading(home)

    def of(self, work: Work, order: Order, child: Identifiers) -> Iterator[Ours]:
        """What we hold of an order's events about that child, one by one. The child is known by what *we* can read."""
        for event_id, _ in order.events:
            ours = self.one(work, event_id)
            if ours is not None and identifiers_in(ours.read.document) & child:
                yield ours

    def one(self, work: Work, event_id: bytes) -> Ours | None:
        """One event, sent to us, or granted when the child came to us: a history goes on with the child."""
        try:
            row = work.inbox.by_message(event_id, int(InKind.VIEW))
            if row is not None:
                read = self._reading.delivered(work, row)
                return Ours(event_id, row.number, row.taken_ms, row.arrived_ms, read)
            granted = work.inbox.granted_event(event_id)
            if granted is None:
                return None
            read, taken_ms = self._reading.granted(work, granted), granted.taken_ms
            return Ours(event_id, granted.position, taken_ms, taken_ms, read)
        except RejectedError:
            return None
