"""Records that a person has decided are one child: joined so that every decision can be undone, exactly."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import sqlalchemy as sa

from broker.store.router import tables as t
from broker.store.router.children import Children, ChildRow
from broker.store.router.records import LinkRow, Report, holder_of, newest_of
from broker.store.router.transaction import Transaction

_FOLLOWS_ORIGIN = (t.tokens, t.records, t.matters, t.deliveries, t.handovers, t.orders)
_FOLLOWS_CHILD = (*_FOLLOWS_ORIGIN, t.deadlines, t.links)


@dataclass(frozen=True, slots=True)
class Joined:
    """Two children made one; ``also``: by reader, the delivery that what comes next must follow beside the child's own."""

    child: ChildRow
    also: Mapping[str, int]


class Links:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, transaction: Transaction, children: Children) -> None:
        self._t = transaction
        self._children = children

    def merge(
        self, kept: ChildRow, merged: ChildRow, between: tuple[bytes, bytes], *, event_id: bytes, at_ms: int
    ) -> Joined:
        """Two children become ``kept``, which is where the newer report of either says that the child is.

        ``between`` are the two records that the decision is about, the first of them ``kept``'s.
        """
        self._t.forget()
        self.tie(kept, between, event_id=event_id, at_ms=at_ms)
        for table in _FOLLOWS_CHILD:
            self._t.now.execute(table.update().where(table.c.child == merged.child).values(child=kept.child))
        for member in self._children.involved(merged.child):
            self._children.uninvolve(merged.child, member)
            self._children.involve(kept.child, member, at_ms)
        also = self._merge_newest(kept.child, merged.child)
        self._t.now.execute(t.children.delete().where(t.children.c.child == merged.child))
        newest = newest_of(self._children.records.of(kept.child).values())
        if newest.area != kept.safety:
            self._children.set_safety(kept.child, newest.area, at_ms)
        return Joined(ChildRow(kept.child, kept.holder, newest.area), also)

    def bind(
        self, token: bytes, kept: ChildRow, between: tuple[bytes, bytes], *, by: tuple[bytes, str], at_ms: int
    ) -> None:
        """A token that was unknown leads to a child; its own record keeps it apart so that this can be undone.

        ``by``: the decision's event and author.
        """
        self._t.forget()
        self._t.now.execute(t.tokens.insert().values(token=token, child=kept.child, origin=between[1]))
        report = Report(kept.safety, *by)
        self._children.records.add(between[1], kept.child, kept.holder, report, known=False)
        self.tie(kept, between, event_id=by[0], at_ms=at_ms)

    def tie(self, kept: ChildRow, between: tuple[bytes, bytes], *, event_id: bytes, at_ms: int) -> None:
        """Write one decision down. Alone it changes nothing: where two records are one child already, it is one more reason."""
        self._t.now.execute(
            t.links.insert().values(
                n=self._children.records.next_number(),
                event_id=event_id,
                child=kept.child,
                kept=between[0],
                merged=between[1],
                at_ms=at_ms,
            )
        )

    def of(self, child: bytes) -> list[LinkRow]:
        """The decisions that hold a child together, newest first."""
        rows = self._t.now.execute(
            sa.select(t.links).where(t.links.c.child == child).order_by(t.links.c.n.desc())
        ).all()
        return [LinkRow(**row._mapping) for row in rows]  # noqa: SLF001  the library's own interface

    def drop(self, link: LinkRow) -> None:
        """Take one decision back that others stand beside: nothing comes apart."""
        self._t.now.execute(t.links.delete().where(t.links.c.n == link.n))

    def part(self, link: LinkRow, apart: AbstractSet[bytes], at_ms: int) -> bytes:
        """Take one decision back: the records ``apart`` become a child again, with all that is theirs.

        Gives that child's id: the one that its record had before the link, so that its readers know it again.
        """
        self._t.forget()
        self.drop(link)
        child, fresh = link.child, link.merged if link.merged in apart else link.kept
        records, links = self._children.records.of(child).values(), self.of(child)
        stay = frozenset(record.origin for record in records) - apart
        self._move(child, fresh, apart)
        newest = newest_of(record for record in records if record.origin in apart)
        self._children.add(fresh, holder_of(apart, records, links), newest.area, at_ms)
        self._copy_newest(child, fresh)
        remaining = newest_of(record for record in records if record.origin in stay)
        self._children.set_holder(child, holder_of(stay, records, links))
        self._children.set_safety(child, remaining.area, at_ms)
        return fresh

    def told_since(self, link: LinkRow, apart: AbstractSet[bytes]) -> frozenset[str]:
        """The readers who were told anything about the child while a decision stood, or that what they knew is one child.

        ``apart``: the records that it alone joins with the others.
        """
        about = t.deliveries.c.child == link.child
        sides = sa.func.count(sa.distinct(t.deliveries.c.origin.in_(list(apart))))
        since = sa.select(t.deliveries.c.reader).where(about, t.deliveries.c.taken_ms >= link.at_ms)
        both = sa.select(t.deliveries.c.reader).where(about).group_by(t.deliveries.c.reader).having(sides > 1)
        return frozenset(self._t.now.scalars(sa.union(since, both)))

    def _move(self, source: bytes, target: bytes, origins: AbstractSet[bytes]) -> None:
        for table in _FOLLOWS_ORIGIN:
            self._t.now.execute(
                table.update()
                .where(table.c.child == source, table.c.origin.in_(list(origins)))
                .values(child=target)
            )
        moved = sa.union(
            sa.select(t.handovers.c.handover).where(t.handovers.c.child == target),
            sa.select(t.orders.c.order_id).where(t.orders.c.child == target),
        )
        self._t.now.execute(t.deadlines.update().where(t.deadlines.c.about.in_(moved)).values(child=target))
        # An edge lies wholly on one side: the one across has just been taken away.
        self._t.now.execute(
            t.links.update()
            .where(t.links.c.child == source, t.links.c.merged.in_(list(origins)))
            .values(child=target)
        )

    def _merge_newest(self, kept: bytes, merged: bytes) -> dict[str, int]:
        """Each reader's deliveries go on from what it was sent under the kept child, or else under the other.

        Gives, for each reader that was sent something under both, the number that this leaves beside.
        """
        under: dict[bytes, dict[str, int]] = {kept: {}, merged: {}}
        for row in self._t.now.execute(sa.select(t.newest).where(t.newest.c.child.in_([kept, merged]))).all():
            under[row.child][row.reader] = row.number
        self._t.now.execute(t.newest.delete().where(t.newest.c.child == merged))
        for reader, number in under[merged].items():
            if reader not in under[kept]:
                self._t.now.execute(t.newest.insert().values(reader=reader, child=kept, number=number))
        return {
            reader: number
            for reader, number in sorted(under[merged].items())
            if under[kept].get(reader, number) != number
        }

    def _copy_newest(self, source: bytes, target: bytes) -> None:
        for row in self._t.now.execute(sa.select(t.newest).where(t.newest.c.child == source)).all():
            self._t.now.execute(t.newest.insert().values(reader=row.reader, child=target, number=row.number))
