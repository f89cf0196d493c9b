"""Linking and unlinking records at the router: only by a front door's signed decision, always reversible (P10)."""

from collections.abc import Set as AbstractSet

from broker.handover.machine import Kind
from broker.routing.desk import Desk, Item
from broker.routing.handovers import Handovers
from broker.routing.ordering import Ordering
from broker.routing.readers import front_doors
from broker.routing.refusals import NothingToLinkError, NotYourActionError
from broker.routing.shield import Shield
from broker.store.router.children import Children, ChildRow
from broker.store.router.links import Links
from broker.store.router.records import LinkRow, Report, joined_with
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
        shield: Shield,
    ) -> None:
        self._shield = shield
        self._children = children
        self._links = links
        self._handovers = handovers
        self._ordering = ordering
        self._desk = desk
        self._directory = directory
        self.parted: list[bytes] = []
        """Children that have come out of another in this transaction: what is over of them is to be forgotten too."""

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
        self._keep_hidden(rows, author)
        first = next(token for token in tokens if self._children.origin_of(token) is not None)
        record = self._record_of(first)
        kept, joined, bound = rows[0], [], []
        for token in dict.fromkeys(tokens):
            if token == first:
                continue
            origin = self._children.origin_of(token)
            if origin is None:
                bound.append([token, self._bind(token, kept, record, (event_id, author))])
            else:
                kept = self._join(token, kept, (record, origin), event_id)
                joined.append(origin)
        self._desk.audit(
            EntryKind.LINKED,
            child=kept.child,
            event=event_id,
            author=author,
            kept=record,
            merged=joined,
            bound=bound,
            tokens=list(tokens),
            areas=sorted({area for row in rows for area in (row.holder, row.safety)}),
        )
        self._complete(kept, rows, event_id)
        self._agree(kept, rows, record, (event_id, author), urgency)
        return kept

    def unlink(self, tokens: tuple[bytes, ...], author: str, event_id: bytes, urgency: Urgency) -> ChildRow:
        """Undo the newest decision about exactly these records, or else the newest that alone holds them together.

        Where other decisions still hold them together nothing comes apart. All who were told under it are told.

        Raises:
            NothingToLinkError: no link joins them.
            NotYourActionError: as for ``link``.
        """
        rows = self._children.by_tokens(tokens)
        origins = {origin for token in tokens if (origin := self._children.origin_of(token)) is not None}
        link = self._decision(rows, origins)
        if link is None:
            raise NothingToLinkError("no link joins these identifiers")
        self._require_front_door(rows, author)
        rest = [other for other in self._links.of(link.child) if other.n != link.n]
        apart = joined_with(link.merged, rest)
        areas = {area for row in rows for area in (row.holder, row.safety)}
        told: frozenset[str] = frozenset()
        if link.kept in apart:
            self._links.drop(link)
        else:
            told = self._links.told_since(link, apart)
            # The child keeps its id on the side of the record that it has it from.
            if link.child in apart:
                apart = joined_with(link.kept, rest)
            fresh = self._links.part(link, apart, self._desk.now_ms)
            self.parted.append(fresh)
            self._handovers.part((link.child, fresh), link.event_id, urgency)
            areas |= self._areas_of(link.child, fresh)
        self._tell_unlinked(link, told | {author}, event_id)
        again = any({other.kept, other.merged} == {link.kept, link.merged} for other in rest)
        self._desk.audit(
            EntryKind.UNLINKED,
            child=link.child,
            event=event_id,
            author=author,
            kept=link.kept,
            split=None if again else link.merged,
            origins=sorted(apart) if link.kept not in apart or link.merged not in apart else [],
            areas=sorted(areas),
            told=sorted(told),
        )
        return self._children.get(link.child) or rows[0]

    def _record_of(self, token: bytes) -> bytes:
        origin = self._children.origin_of(token)
        assert origin is not None, "asked only of tokens that lead to a child"
        return origin

    def _join(self, token: bytes, kept: ChildRow, between: tuple[bytes, bytes], event_id: bytes) -> ChildRow:
        """This record is the kept child's too; where it was so already, the decision stands beside the others."""
        [other] = self._children.by_tokens([token])
        if other.child != kept.child:
            joined = self._links.merge(kept, other, between, event_id=event_id, at_ms=self._desk.now_ms)
            # A note names one delivery that it follows. So that nothing overtakes what is still on its way under the
            # other record (P2), a word stands between that waits for both, and all that comes follows it.
            for reader, number in joined.also.items():
                body = canonical.encode(["joined", {"after": number}])
                self._desk.deliver(
                    reader, Item(InKind.NOTICE, self._desk.new_id(), "router", body, child=kept.child)
                )
            return joined.child
        if between[0] != between[1]:
            self._links.tie(kept, between, event_id=event_id, at_ms=self._desk.now_ms)
        return kept

    def _bind(self, token: bytes, kept: ChildRow, record: bytes, by: tuple[bytes, str]) -> bytes:
        origin = self._desk.new_id()
        self._links.bind(token, kept, (record, origin), by=by, at_ms=self._desk.now_ms)
        return origin

    def _decision(self, rows: list[ChildRow], origins: AbstractSet[bytes]) -> LinkRow | None:
        """The newest decision about exactly these records, or else the newest that alone holds them together."""
        if len(rows) != 1:
            return None
        links = self._links.of(rows[0].child)
        for link in links:
            if {link.kept, link.merged} == origins:
                return link
        for link in links:
            apart = joined_with(link.merged, [other for other in links if other.n != link.n])
            if link.kept not in apart and len({origin in apart for origin in origins}) == _TWO:
                return link
        return None

    def _areas_of(self, *children: bytes) -> set[str]:
        rows = [row for child in children if (row := self._children.get(child)) is not None]
        return {area for row in rows for area in (row.holder, row.safety)}

    def _tell_unlinked(self, link: LinkRow, members: AbstractSet[str], event_id: bytes) -> None:
        body = canonical.encode(["unlinked", {"event": event_id, "link": link.event_id}])
        for member in sorted(members):
            self._desk.deliver(
                member, Item(InKind.NOTICE, self._desk.new_id(), "router", body, child=link.child)
            )

    def _require_front_door(self, rows: list[ChildRow], author: str) -> None:
        areas = {area for row in rows for area in self._shield.answerable(row)}
        if author not in front_doors(areas, self._directory):
            raise NotYourActionError

    def _keep_hidden(self, rows: list[ChildRow], author: str) -> None:
        """Joined with a record that says another place, a hidden child stays where it is; only who protects it may join it."""
        hidden = [row for row in rows if self._shield.sides(row) is not None]
        if not hidden or len(rows) < _TWO:
            return
        if author not in front_doors([row.safety for row in hidden], self._directory):
            raise NotYourActionError
        for row in hidden:
            newest = self._children.records.newest(row.child)
            if newest is not None:
                report = Report(newest.area, newest.evidence, newest.reporter, newest.withheld)
                self._children.records.report(newest.origin, report)

    def _complete(self, kept: ChildRow, rows: list[ChildRow], evidence: bytes) -> None:
        """The case-holding front door must have all that any front door was given about either record."""
        holder = front_doors([kept.holder], self._directory)
        if not holder:
            return
        reader = min(holder)
        areas = {area for row in rows for area in (row.holder, row.safety)}
        for grantor in sorted(front_doors(areas, self._directory) - {reader}):
            self._ordering.complete(kept.child, grantor, reader, evidence)
        # What was refused to it before, by whomever, is asked for on the new ground.
        self._ordering.coming(kept.child, reader, reader, evidence)

    def _agree(
        self, kept: ChildRow, rows: list[ChildRow], record: bytes, by: tuple[bytes, str], urgency: Urgency
    ) -> None:
        """One child, one case holder: where the records had two, people must decide which (P5)."""
        self._handovers.settle(kept.child, urgency, by)
        withheld = self._shield.sides(kept) is not None
        for row in rows[1:]:
            if row.holder != kept.holder:
                report = Report(row.holder, *by, withheld)
                self._handovers.notice(kept, record, report, Kind.CONFLICT, urgency)
