"""Everything that a member may read about one child, whole and of one child only: links count, undone links do not."""

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.home import Home
from adapters.gateway.record.reading import Read, Reading
from adapters.gateway.record.sameness import Identifiers, identifiers_in, joined, links_in
from broker.errors import RejectedError
from broker.store.gateway.store import Work
from schemas.wire import EventClass, InKind


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a child's chronology. ``taken_ms`` is the router's time of the original delivery."""

    read: Read
    author_name: str
    taken_ms: int
    granted: bool

    @property
    def occurred(self) -> str:
        """When it happened, as its author says."""
        return str(self.read.document.get("occurred_at", ""))


@dataclass(frozen=True, slots=True)
class _Found:
    read: Read
    child: bytes | None
    author: str
    taken_ms: int
    granted: bool

    @property
    def names(self) -> Identifiers:
        return identifiers_in(self.read.document)


class Chronology:
    """Puts a child's events in order, for one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._reading = Reading(home)

    def of(self, child: str) -> list[Line]:
        """By when it happened. ``child`` is the beginning of the child's handle. Raises NoSuchItemError."""
        with self._home.store.look() as work:
            handle = self._handle(work, child)
            under = list(self._under(work, handle))
            links = links_in(found.read.document for found in [*self._identity(work), *under])
            # The record that the handle was made for: what came first under it says who it is.
            first = next((found.names for found in under if found.names), frozenset())
            child_is = joined(first, links)
            if any(link & child_is for link in links):
                # A link joins records that once had handles of their own.
                under += list(self._under(work, None))
        lines = {
            found.read.document["id"]: Line(
                found.read, self._name(found.author), found.taken_ms, found.granted
            )
            for found in under
            if (found.names & child_is) or (found.child == handle and not found.names)
        }
        return sorted(lines.values(), key=lambda line: (line.occurred, line.taken_ms))

    def _handle(self, work: Work, beginning: str) -> bytes:
        kinds = [int(InKind.VIEW), int(InKind.GRANTED), int(InKind.HANDOVER)]
        found = {
            row.child
            for row in work.inbox.of_kind(kinds)
            if row.child is not None and row.child.hex().startswith(beginning.lower())
        }
        if len(found) != 1:
            raise NoSuchItemError(
                f"{len(found)} children begin with {beginning!r}; give more of the handle"
                if found
                else f"no child here begins with {beginning!r}"
            )
        return found.pop()

    def _identity(self, work: Work) -> Iterator[_Found]:
        for row in work.inbox.of_class(int(EventClass.IDENTITY)):
            try:
                read = self._reading.delivered(work, row)
            except RejectedError:
                continue
            yield _Found(read, row.child, row.author, row.taken_ms, granted=False)

    def _under(self, work: Work, handle: bytes | None) -> Iterator[_Found]:
        """All that can be read under one handle, or under any; own deliveries last, so that they stand for both."""
        for old in work.inbox.history(handle):
            try:
                read = self._reading.granted(work, old)
            except RejectedError:
                continue
            yield _Found(read, old.child, read.author, old.taken_ms, granted=True)
        view = int(InKind.VIEW)
        rows = work.inbox.about_children(view) if handle is None else work.inbox.of_child(handle, view)
        for row in rows:
            try:
                read = self._reading.delivered(work, row)
            except RejectedError:
                continue
            yield _Found(read, row.child, row.author, row.taken_ms, granted=False)

    def _name(self, member_id: str) -> str:
        member = self._home.directory.member(member_id)
        return member.name if member is not None else member_id
