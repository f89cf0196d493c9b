"""Linking and unlinking records at the router: only by a front door's signed decision, always reversible (P10)."""

from broker.routing.desk import Desk, Item
from broker.routing.handovers import DAY_MS, Handovers
from broker.routing.readers import front_doors
from broker.routing.refusals import NothingToLinkError, NotYourActionError
from broker.store.router.children import Children, ChildRow
from broker.store.router.outgoing import Outgoing
from schemas import canonical
from schemas.audit import EntryKind
from schemas.directory import Directory
from schemas.orders import Order, OrderKind
from schemas.wire import InKind

_TWO = 2


class Identities:
    """Bound to one transaction; ``desk`` carries the moment."""

    def __init__(
        self,
        *,
        children: Children,
        outgoing: Outgoing,
        handovers: Handovers,
        desk: Desk,
        directory: Directory,
    ) -> None:
        self._children = children
        self._outgoing = outgoing
        self._handovers = handovers
        self._desk = desk
        self._directory = directory

    def link(self, tokens: tuple[bytes, ...], author: str, event_id: bytes) -> ChildRow:
        """Join the children of these tokens; gives the one that stays.

        Raises:
            NothingToLinkError: fewer than two tokens, or none leads to a child with an open matter.
            NotYourActionError: the author is not the front door of case holder or safety duty of any of them.
        """
        rows = self._children.by_tokens(tokens)
        if len(tokens) < _TWO or not rows:
            raise NothingToLinkError
        self._require_front_door(rows, author)
        kept = rows[0]
        bound = []
        for merged in rows[1:]:
            self._children.merge(kept, merged, event_id=event_id, author=author, at_ms=self._desk.now_ms)
        for token in tokens:
            if self._children.origin_of(token) is None:
                origin = self._desk.new_id()
                self._children.bind(token, kept.child, origin)
                bound.append([token, origin])
                self._children.record_link(
                    kept, origin, event_id=event_id + token[:4], author=author, at_ms=self._desk.now_ms
                )
        self._desk.audit(
            EntryKind.LINKED,
            child=kept.child,
            event=event_id,
            author=author,
            merged=[row.child for row in rows[1:]],
            bound=bound,
            areas=sorted({area for row in rows for area in (row.holder, row.safety)}),
            tokens=list(tokens),
        )
        for row in rows:
            self._complete(kept, row, event_id)
        return kept

    def unlink(self, tokens: tuple[bytes, ...], author: str, event_id: bytes) -> ChildRow:
        """Undo the newest link between these tokens, and tell everybody who was told anything under it.

        Raises:
            NothingToLinkError: no link joins them.
            NotYourActionError: as for ``link``.
        """
        rows = self._children.by_tokens(tokens)
        origins = [origin for token in tokens if (origin := self._children.origin_of(token)) is not None]
        link = self._children.link_between(origins)
        if not rows or link is None:
            raise NothingToLinkError("no link joins these identifiers")
        self._require_front_door(rows, author)
        told = self._children.split(link, self._desk.now_ms)
        body = canonical.encode(["unlinked", {"event": event_id, "link": link.event_id[:16]}])
        for member in sorted(told | {author}):
            self._desk.deliver(
                member, Item(InKind.NOTICE, self._desk.new_id(), "router", body, child=link.kept)
            )
        self._desk.audit(
            EntryKind.UNLINKED,
            child=link.kept,
            event=event_id,
            author=author,
            split=link.merged,
            areas=sorted({area for row in rows for area in (row.holder, row.safety)}),
            told=sorted(told),
        )
        return rows[0]

    def _require_front_door(self, rows: list[ChildRow], author: str) -> None:
        areas = {area for row in rows for area in (row.holder, row.safety)}
        if author not in front_doors(areas, self._directory):
            raise NotYourActionError

    def _complete(self, kept: ChildRow, other: ChildRow, evidence: bytes) -> None:
        """The case-holding front door must have all that any front door was given about either record."""
        holder = front_doors([kept.holder], self._directory)
        if not holder:
            return
        reader = min(holder)
        known = {one.event_id for one in self._outgoing.delivered_about(kept.child, reader)}
        for grantor in sorted(front_doors([other.holder, other.safety], self._directory) - {reader}):
            lacking = [
                (one.event_id, one.digest)
                for one in self._outgoing.delivered_about(kept.child, grantor)
                if one.event_id not in known
            ]
            if lacking:
                self._handovers.issue(
                    Order(
                        order_id=self._desk.new_id(),
                        kind=OrderKind.COMPLETE_READERS,
                        grantor=grantor,
                        reader=reader,
                        child=self._desk.handle(grantor, kept.child),
                        handover=None,
                        evidence=evidence,
                        events=tuple(lacking),
                        issued_ms=self._desk.now_ms,
                        expires_ms=self._desk.now_ms + DAY_MS,
                    ),
                    kept.child,
                )
