"""Linking and unlinking records at the router: only by a front door's signed decision, always reversible (P10)."""

from broker.handover.machine import Kind
from broker.routing.desk import Desk, Item
from broker.routing.handovers import Handovers
from broker.routing.ordering import Ordering
from broker.routing.readers import front_doors
from broker.routing.refusals import NothingToLinkError, NotYourActionError
from broker.store.router.children import Children, ChildRow
from broker.store.router.links import LinkRow, Links, joined_with
from schemas import canonical
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.wire import InKind, Urgency

_TWO = 2


class Identities:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        *,
        children: Children,
        links: Links,
        handovers: Handovers,
        ordering: Ordering,
        desk: Desk,
        directory: Directory,
    ) -> None:
        self._children = children
        self._links = links
        self._handovers = handovers
        self._ordering = ordering
        self._desk = desk
        self._directory = directory

    def link(self, tokens: tuple[bytes, ...], author: str, event_id: bytes, urgency: Urgency) -> ChildRow:
        """Join the children of these tokens; gives the one that stays.

        Raises:
            NothingToLinkError: fewer than two tokens, or none leads to a child with an open matter.
            NotYourActionError: the author is not the front door of case holder or safety duty of any of them.
        """
        rows = self._children.by_tokens(tokens)
        if len(set(tokens)) < _TWO or not rows:
            raise NothingToLinkError
        self._require_front_door(rows, author)
        kept, records = rows[0], self._records(tokens)
        joined = []
        for merged in rows[1:]:
            between = records[kept.child], records[merged.child]
            kept = self._links.merge(kept, merged, between, event_id=event_id, at_ms=self._desk.now_ms)
            joined.append(between[1])
        bound = self._bind(tokens, kept, records[kept.child], event_id)
        self._desk.audit(
            EntryKind.LINKED,
            child=kept.child,
            event=event_id,
            author=author,
            kept=records[kept.child],
            merged=joined,
            bound=bound,
            tokens=list(tokens),
            areas=sorted({area for row in rows for area in (row.holder, row.safety)}),
        )
        self._complete(kept, rows, event_id)
        self._agree(kept, rows, event_id, urgency)
        return kept

    def unlink(self, tokens: tuple[bytes, ...], author: str, event_id: bytes) -> ChildRow:
        """Undo the newest decision without which these tokens are two children; tell all who were told under it.

        Raises:
            NothingToLinkError: no link joins them.
            NotYourActionError: as for ``link``.
        """
        rows = self._children.by_tokens(tokens)
        origins = [origin for token in tokens if (origin := self._children.origin_of(token)) is not None]
        found = self._between(rows, origins)
        if found is None:
            raise NothingToLinkError("no link joins these identifiers")
        link, apart = found
        self._require_front_door(rows, author)
        areas = {area for row in rows for area in (row.holder, row.safety)}
        told = self._links.undo(link, apart, self._desk.new_id(), self._desk.now_ms)
        body = canonical.encode(["unlinked", {"event": event_id, "link": link.event_id}])
        for member in sorted(told | {author}):
            self._desk.deliver(
                member, Item(InKind.NOTICE, self._desk.new_id(), "router", body, child=link.child)
            )
        self._desk.audit(
            EntryKind.UNLINKED,
            child=link.child,
            event=event_id,
            author=author,
            kept=link.kept,
            split=link.merged,
            origins=sorted(apart),
            areas=sorted({*areas, link.merged_holder, link.merged_safety, link.kept_safety}),
            told=sorted(told),
        )
        return rows[0]

    def _records(self, tokens: tuple[bytes, ...]) -> dict[bytes, bytes]:
        """For each child that the tokens lead to, the record of the first of them: what the decision is about."""
        found: dict[bytes, bytes] = {}
        for token in tokens:
            origin = self._children.origin_of(token)
            for row in self._children.by_tokens([token]):
                if origin is not None:
                    found.setdefault(row.child, origin)
        return found

    def _bind(
        self, tokens: tuple[bytes, ...], kept: ChildRow, record: bytes, event_id: bytes
    ) -> list[list[bytes]]:
        bound = []
        for token in dict.fromkeys(tokens):
            if self._children.origin_of(token) is None:
                between = record, self._desk.new_id()
                self._links.bind(token, kept, between, event_id=event_id, at_ms=self._desk.now_ms)
                bound.append([token, between[1]])
        return bound

    def _between(self, rows: list[ChildRow], origins: list[bytes]) -> tuple[LinkRow, frozenset[bytes]] | None:
        """The newest decision that alone holds the records together, with those on its far side."""
        if len(rows) != 1:
            return None
        links = self._links.of(rows[0].child)
        for link in links:
            apart = joined_with(link.merged, [other for other in links if other.n != link.n])
            if link.kept not in apart and len({origin in apart for origin in origins}) == _TWO:
                return link, apart
        return None

    def _require_front_door(self, rows: list[ChildRow], author: str) -> None:
        areas = {area for row in rows for area in (row.holder, row.safety)}
        if author not in front_doors(areas, self._directory):
            raise NotYourActionError

    def _complete(self, kept: ChildRow, rows: list[ChildRow], evidence: bytes) -> None:
        """The case-holding front door must have all that any front door was given about either record."""
        holder = front_doors([kept.holder], self._directory)
        if not holder:
            return
        reader = min(holder)
        areas = {area for row in rows for area in (row.holder, row.safety)}
        for grantor in sorted(front_doors(areas, self._directory) - {reader}):
            self._ordering.complete(kept.child, grantor, reader, evidence)

    def _agree(self, kept: ChildRow, rows: list[ChildRow], evidence: bytes, urgency: Urgency) -> None:
        """One child, one case holder: where the records had two, people must decide which (P5)."""
        self._handovers.settle(kept.child, evidence, urgency)
        for row in rows[1:]:
            if row.holder != kept.holder:
                self._handovers.notice(kept, row.holder, Kind.CONFLICT, evidence, urgency)
