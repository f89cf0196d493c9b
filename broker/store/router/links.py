"""Records that a person has decided are one child: joined so that every decision can be undone, exactly."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import sqlalchemy as sa

from broker.store.router import tables as t
from broker.store.router.children import Children, ChildRow
from broker.store.router.transaction import Transaction

_FOLLOWS_ORIGIN = (t.tokens, t.matters, t.deliveries)
_FOLLOWS_CHILD = (*_FOLLOWS_ORIGIN, t.orders, t.handovers, t.deadlines, t.links)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One decision: the records (origins) ``kept`` and ``merged`` are one child, today ``child``."""

    n: int
    event_id: bytes
    child: bytes
    kept: bytes
    merged: bytes
    merged_holder: str
    merged_safety: str
    kept_safety: str
    at_ms: int


class Links:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, transaction: Transaction, children: Children) -> None:
        self._t = transaction
        self._children = children

    def merge(
        self, kept: ChildRow, merged: ChildRow, between: tuple[bytes, bytes], *, event_id: bytes, at_ms: int
    ) -> ChildRow:
        """Two children become ``kept``, which is where the newer report of either says that the child is.

        ``between`` are the two records that the decision is about, the first of them ``kept``'s.
        """
        self._t.forget()
        self._record(kept, merged, between, event_id=event_id, at_ms=at_ms)
        for table in _FOLLOWS_CHILD:
            self._t.now.execute(table.update().where(table.c.child == merged.child).values(child=kept.child))
        for member in self._children.involved(merged.child):
            self._children.uninvolve(merged.child, member)
            self._children.involve(kept.child, member, at_ms)
        self._merge_newest(kept.child, merged.child)
        of_kept, of_merged = (
            self._children.safety_since(kept.child),
            self._children.safety_since(merged.child),
        )
        self._t.now.execute(t.children.delete().where(t.children.c.child == merged.child))
        if merged.safety == kept.safety or of_merged <= of_kept:
            return kept
        self._children.set_safety(kept.child, merged.safety, of_merged)
        return ChildRow(kept.child, kept.holder, merged.safety)

    def bind(
        self, token: bytes, kept: ChildRow, between: tuple[bytes, bytes], *, event_id: bytes, at_ms: int
    ) -> None:
        """A token that was unknown leads to a child; its own record keeps it apart so that this can be undone."""
        self._t.forget()
        self._t.now.execute(t.tokens.insert().values(token=token, child=kept.child, origin=between[1]))
        self._record(kept, kept, between, event_id=event_id, at_ms=at_ms)

    def of(self, child: bytes) -> list[LinkRow]:
        """The decisions that hold a child together, newest first."""
        rows = self._t.now.execute(
            sa.select(t.links).where(t.links.c.child == child).order_by(t.links.c.n.desc())
        ).all()
        return [LinkRow(**row._mapping) for row in rows]  # noqa: SLF001  the library's own interface

    def undo(self, link: LinkRow, apart: AbstractSet[bytes], fresh: bytes, at_ms: int) -> frozenset[str]:
        """Take one decision back: the records ``apart`` become the child ``fresh``, if a matter is open for it.

        Gives the readers who were told anything while the decision stood.
        """
        self._t.forget()
        told = frozenset(
            self._t.now.scalars(
                sa.select(t.deliveries.c.reader)
                .where(t.deliveries.c.child == link.child, t.deliveries.c.taken_ms >= link.at_ms)
                .distinct()
            )
        )
        self._t.now.execute(t.links.delete().where(t.links.c.n == link.n))
        self._move(link.child, fresh, apart)
        if self._children.matter_areas(fresh):
            self._children.create(fresh, (), link.merged_holder, link.merged_safety, at_ms)
            self._copy_newest(link.child, fresh)
        else:
            self._children.forget(fresh)
        if self._children.safety_since(link.child) <= link.at_ms:
            # Nothing was reported since: where the other child was said nothing about this one.
            self._children.set_safety(link.child, link.kept_safety, at_ms)
        return told

    def _move(self, source: bytes, target: bytes, origins: AbstractSet[bytes]) -> None:
        for table in _FOLLOWS_ORIGIN:
            self._t.now.execute(
                table.update()
                .where(table.c.child == source, table.c.origin.in_(list(origins)))
                .values(child=target)
            )
        # An edge lies wholly on one side: the one across has just been taken away.
        self._t.now.execute(
            t.links.update()
            .where(t.links.c.child == source, t.links.c.merged.in_(list(origins)))
            .values(child=target)
        )

    def _record(
        self, kept: ChildRow, merged: ChildRow, between: tuple[bytes, bytes], *, event_id: bytes, at_ms: int
    ) -> None:
        self._t.now.execute(
            t.links.insert().values(
                event_id=event_id,
                child=kept.child,
                kept=between[0],
                merged=between[1],
                merged_holder=merged.holder,
                merged_safety=merged.safety,
                kept_safety=kept.safety,
                at_ms=at_ms,
            )
        )

    def _merge_newest(self, kept: bytes, merged: bytes) -> None:
        rows = self._t.now.execute(sa.select(t.newest).where(t.newest.c.child.in_([kept, merged]))).all()
        best: dict[str, int] = {}
        for row in rows:
            best[row.reader] = max(best.get(row.reader, 0), row.number)
        self._t.now.execute(t.newest.delete().where(t.newest.c.child.in_([kept, merged])))
        for reader, number in best.items():
            self._t.now.execute(t.newest.insert().values(reader=reader, child=kept, number=number))

    def _copy_newest(self, source: bytes, target: bytes) -> None:
        for row in self._t.now.execute(sa.select(t.newest).where(t.newest.c.child == source)).all():
            self._t.now.execute(t.newest.insert().values(reader=row.reader, child=target, number=row.number))


def joined_with(origin: bytes, links: Iterable[LinkRow]) -> frozenset[bytes]:
    """All records that these decisions join with ``origin``, itself included. Pure."""
    found, edges = {origin}, list(links)
    while True:
        more = {
            end
            for link in edges
            for end, other in ((link.kept, link.merged), (link.merged, link.kept))
            if other in found and end not in found
        }
        if not more:
            return frozenset(found)
        found |= more
