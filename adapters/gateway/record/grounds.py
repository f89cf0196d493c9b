"""Who has a ground to hear of a child, by this front door's own record: what others signed, never the router's word.

What a reader has said itself is no ground: no evidence releases anything to its author.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from adapters.gateway.home import Home
from adapters.gateway.record.composing import concerned_areas
from adapters.gateway.record.places import Places
from adapters.gateway.record.reading import Read, Reading
from adapters.gateway.record.sameness import Identifiers, identifiers_in
from broker.errors import RejectedError
from broker.store.gateway.inbox import HistoryRow, InRow
from broker.store.gateway.store import Work
from schemas.directory import Directory
from schemas.events.base import Event
from schemas.ids import EventId
from schemas.members import Member
from schemas.policy import ConcernedAreas
from schemas.wire import EventClass, InKind

CONFIRMED = "involvement.confirmed"
ENDED = "involvement.ended"


class Record:
    """All that one home can read about a child: its own deliveries, and what was granted to it."""

    def __init__(self, home: Home, places: Places) -> None:
        self._home = home
        self._places = places
        self._reading = Reading(home)

    def of(self, work: Work, child: bytes | None) -> list[Read]:
        """In the order in which it came; nothing that came as routine."""
        if child is None:
            return []
        return list(self._all(work, child))

    def _all(self, work: Work, child: bytes) -> Iterator[Read]:
        """The same, one by one."""
        return self._read(work, work.inbox.of_child(child, int(InKind.VIEW)), work.inbox.history(child))

    def links(self, work: Work, child: bytes) -> list[Read]:
        """Of all that, what may say which identifiers are one child: for a long record, a few instead of the many.

        Also what came under the handles that the child's records had before they were linked.
        """
        return [
            read
            for handle in work.inbox.handles(child)
            for read in self._read(
                work,
                work.inbox.of_child_in_class(handle, int(InKind.VIEW), int(EventClass.IDENTITY)),
                work.inbox.history(handle, event_class=int(EventClass.IDENTITY)),
            )
        ]

    def _whole(self, work: Work, child: bytes, who: Identifiers) -> Iterator[Read]:
        """All that is about these identifiers, under whichever handle it came."""
        for handle in work.inbox.handles(child):
            for read in self._all(work, handle):
                if identifiers_in(read.document) & who:
                    yield read

    def _read(self, work: Work, deliveries: Iterable[InRow], granted: Iterable[HistoryRow]) -> Iterator[Read]:
        for row in deliveries:
            with suppress(RejectedError):
                yield self._reading.delivered(work, row)
        for old in granted:
            with suppress(RejectedError):
                yield self._reading.granted(work, old)

    def vouches_for(self, work: Work, child: bytes | None, reader: Member, who: Identifiers) -> bool:
        """Whether somebody other than the reader has signed that it is concerned with the child, known as ``who``.

        For a front door, an event that names its area; for any other member, a front door's confirmation of it.
        """
        if child is None:
            return False
        record = self._whole(work, child, who)
        if not reader.front_door:
            return reader.id in confirmed(record, self._home.directory)
        return any(read.author != reader.id and self.names(read, reader.areas) for read in record)

    def names(self, read: Read, areas: Iterable[str]) -> bool:
        """Whether an event names one of these areas as the child's residence, as an end of a move, or as acting."""
        if read.event is None:
            return False  # of a version that this gateway cannot check: nothing rests on it
        concerned = self.areas(read.event)
        details = read.document.get("details", {})
        named = {concerned.acting, concerned.residence, concerned.from_area, concerned.to_area}
        return not set(areas).isdisjoint(named | {details.get("from_area"), details.get("to_area")})

    def leads_to(self, work: Work, child: bytes | None, area: str) -> bool:
        """Whether an event that we hold of the child names that area."""
        if child is None:
            return False
        # The newest first: what leads somewhere is seldom the oldest, and opening takes its time.
        deliveries = work.inbox.of_child(child, int(InKind.VIEW), newest_first=True)
        record = self._read(work, deliveries, work.inbox.history(child))
        return any(self.names(read, [area]) for read in record)

    def knows_more(self, work: Work, child: bytes | None, event_id: bytes) -> bool:
        """Whether we hold another event about whom this one is about, by the identifiers that we read ourselves."""
        known: set[tuple[str, str]] = set()
        asked: set[tuple[str, str]] = set()
        for read in () if child is None else self._all(work, child):
            (asked if EventId(read.document["id"]).raw == event_id else known).update(
                identifiers_in(read.document)
            )
        return not known.isdisjoint(asked)

    def areas(self, event: Event) -> ConcernedAreas:
        """The areas that an event concerns, as its author's gateway found them."""
        return concerned_areas(event, self._places)


def confirmed(record: Iterable[Read], directory: Directory) -> frozenset[str]:
    """The members whose involvement a front door, or a member so confirmed, has confirmed, and no front door has ended.

    A member's own word is none.
    """
    found: set[str] = set()
    said = [read for read in record if read.type in {CONFIRMED, ENDED}]
    for read in sorted(said, key=lambda read: str(read.document.get("recorded_at", ""))):
        author = directory.member(read.author)
        member = read.document.get("details", {}).get("member")
        if author is None or not isinstance(member, str):
            continue
        vouches = read.author in found and member != read.author
        if read.type == CONFIRMED and (author.front_door or vouches):
            found.add(member)
        elif read.type == ENDED and author.front_door:
            found.discard(member)
    return frozenset(found)
