"""Children with an open matter: tokens, case holder, safety duty, matters, involvement, links."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from broker.store.router import tables as t


@dataclass(frozen=True, slots=True)
class ChildRow:
    """Two facts, never merged (P5): which area holds the case, and where the safety duty is."""

    child: bytes
    holder: str
    safety: str


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link that can be undone."""

    event_id: bytes
    kept: bytes
    merged: bytes
    merged_holder: str
    merged_safety: str
    at_ms: int


class Children:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def by_tokens(self, tokens: Sequence[bytes]) -> list[ChildRow]:
        """The children that these tokens lead to, each once, in the order of the tokens."""
        if not tokens:
            return []
        rows = self._c.execute(
            sa.select(t.tokens.c.token, t.children.c.child, t.children.c.holder, t.children.c.safety)
            .join(t.children, t.children.c.child == t.tokens.c.child)
            .where(t.tokens.c.token.in_(tokens))
        ).all()
        found = {row.token: ChildRow(row.child, row.holder, row.safety) for row in rows}
        return list({found[token].child: found[token] for token in tokens if token in found}.values())

    def get(self, child: bytes) -> ChildRow | None:
        """One child's row."""
        row = self._c.execute(sa.select(t.children).where(t.children.c.child == child)).first()
        return None if row is None else ChildRow(row.child, row.holder, row.safety)

    def create(self, child: bytes, tokens: Iterable[bytes], holder: str, safety: str, at_ms: int) -> None:
        """A first matter has opened: the child gets a row, its tokens lead to it."""
        self._c.execute(
            t.children.insert().values(
                child=child, holder=holder, safety=safety, safety_since_ms=at_ms, opened_ms=at_ms
            )
        )
        for token in tokens:
            self._c.execute(t.tokens.insert().values(token=token, child=child, origin=child))

    def set_holder(self, child: bytes, area: str) -> None:
        """The case has passed to ``area``."""
        self._c.execute(t.children.update().where(t.children.c.child == child).values(holder=area))

    def set_safety(self, child: bytes, area: str, at_ms: int) -> None:
        """The child is in ``area`` now."""
        self._c.execute(
            t.children.update().where(t.children.c.child == child).values(safety=area, safety_since_ms=at_ms)
        )

    def origin_of(self, token: bytes) -> bytes | None:
        """The child that a token led to before any link."""
        return self._c.scalar(sa.select(t.tokens.c.origin).where(t.tokens.c.token == token))

    def open_matter(
        self, child: bytes, origin: bytes, author: str, ref: bytes, area: str, at_ms: int
    ) -> bool:
        """Record an open matter; False if it was open already."""
        known = self._c.scalar(
            sa.select(t.matters.c.child).where(t.matters.c.author == author, t.matters.c.ref == ref)
        )
        if known is not None:
            return False
        self._c.execute(
            t.matters.insert().values(
                author=author, ref=ref, child=child, origin=origin, area=area, opened_ms=at_ms
            )
        )
        return True

    def close_matter(self, author: str, ref: bytes) -> bool:
        """Close a matter; False if it was not open."""
        done = self._c.execute(t.matters.delete().where(t.matters.c.author == author, t.matters.c.ref == ref))
        return bool(done.rowcount)

    def matter_areas(self, child: bytes) -> frozenset[str]:
        """Areas with an open matter for the child."""
        return frozenset(self._c.scalars(sa.select(t.matters.c.area).where(t.matters.c.child == child)))

    def involved(self, child: bytes) -> frozenset[str]:
        """Members whose involvement a front door has confirmed."""
        return frozenset(self._c.scalars(sa.select(t.involved.c.member).where(t.involved.c.child == child)))

    def involve(self, child: bytes, member: str, at_ms: int) -> None:
        """A front door has confirmed a member's involvement."""
        if member not in self.involved(child):
            self._c.execute(t.involved.insert().values(child=child, member=member, since_ms=at_ms))

    def uninvolve(self, child: bytes, member: str) -> None:
        """The involvement has ended."""
        self._c.execute(t.involved.delete().where(t.involved.c.child == child, t.involved.c.member == member))

    def forget(self, child: bytes) -> None:
        """No matter is open any more: every row of the child goes, overwritten (P12)."""
        for table in (t.tokens, t.children, t.involved, t.newest, t.deliveries, t.deadlines):
            self._c.execute(table.delete().where(table.c.child == child))
        gone = sa.select(t.orders.c.order_id).where(t.orders.c.child == child)
        self._c.execute(t.order_events.delete().where(t.order_events.c.order_id.in_(gone)))
        self._c.execute(t.orders.delete().where(t.orders.c.child == child))
        self._c.execute(t.handovers.delete().where(t.handovers.c.child == child))
        self._c.execute(t.links.delete().where(sa.or_(t.links.c.kept == child, t.links.c.merged == child)))

    def merge(self, kept: ChildRow, merged: ChildRow, *, event_id: bytes, author: str, at_ms: int) -> None:
        """Two children are one, by a person's signed decision. Origins stay, so that it can be undone."""
        self._c.execute(
            t.links.insert().values(
                event_id=event_id,
                kept=kept.child,
                merged=merged.child,
                merged_holder=merged.holder,
                merged_safety=merged.safety,
                author=author,
                at_ms=at_ms,
            )
        )
        for table in (t.tokens, t.matters, t.deliveries, t.orders, t.handovers, t.deadlines):
            self._c.execute(table.update().where(table.c.child == merged.child).values(child=kept.child))
        for member in self.involved(merged.child):
            self.uninvolve(merged.child, member)
            self.involve(kept.child, member, at_ms)
        self._merge_newest(kept.child, merged.child)
        self._c.execute(t.children.delete().where(t.children.c.child == merged.child))

    def bind(self, token: bytes, child: bytes, origin: bytes) -> None:
        """A token that was unknown leads to a child; ``origin`` keeps it apart for an unlink."""
        self._c.execute(t.tokens.insert().values(token=token, child=child, origin=origin))

    def record_link(self, kept: ChildRow, origin: bytes, *, event_id: bytes, author: str, at_ms: int) -> None:
        """A token without a child of its own was linked to one."""
        self._c.execute(
            t.links.insert().values(
                event_id=event_id,
                kept=kept.child,
                merged=origin,
                merged_holder=kept.holder,
                merged_safety=kept.safety,
                author=author,
                at_ms=at_ms,
            )
        )

    def link_between(self, origins: Iterable[bytes]) -> LinkRow | None:
        """The newest link that joined these origins, or None."""
        wanted = list(origins)
        row = self._c.execute(
            sa.select(t.links).where(t.links.c.merged.in_(wanted)).order_by(t.links.c.at_ms.desc()).limit(1)
        ).first()
        if row is None:
            return None
        return LinkRow(row.event_id, row.kept, row.merged, row.merged_holder, row.merged_safety, row.at_ms)

    def split(self, link: LinkRow, at_ms: int) -> frozenset[str]:
        """Undo a link. Gives the readers who were told anything about either child while it stood."""
        told = frozenset(
            self._c.scalars(
                sa.select(t.deliveries.c.reader)
                .where(
                    t.deliveries.c.child == link.kept,
                    sa.or_(t.deliveries.c.origin == link.merged, t.deliveries.c.taken_ms >= link.at_ms),
                )
                .distinct()
            )
        )
        for table in (t.tokens, t.matters, t.deliveries):
            self._c.execute(
                table.update()
                .where(table.c.child == link.kept, table.c.origin == link.merged)
                .values(child=link.merged)
            )
        self._c.execute(t.links.delete().where(t.links.c.event_id == link.event_id))
        if self.matter_areas(link.merged):
            self._c.execute(
                t.children.insert().values(
                    child=link.merged,
                    holder=link.merged_holder,
                    safety=link.merged_safety,
                    safety_since_ms=at_ms,
                    opened_ms=at_ms,
                )
            )
            self._copy_newest(link.kept, link.merged)
        else:
            self._c.execute(t.tokens.delete().where(t.tokens.c.child == link.merged))
            self._c.execute(t.deliveries.delete().where(t.deliveries.c.child == link.merged))
        return told

    def _merge_newest(self, kept: bytes, merged: bytes) -> None:
        rows = self._c.execute(sa.select(t.newest).where(t.newest.c.child.in_([kept, merged]))).all()
        best: dict[str, int] = {}
        for row in rows:
            best[row.reader] = max(best.get(row.reader, 0), row.number)
        self._c.execute(t.newest.delete().where(t.newest.c.child.in_([kept, merged])))
        for reader, number in best.items():
            self._c.execute(t.newest.insert().values(reader=reader, child=kept, number=number))

    def _copy_newest(self, source: bytes, target: bytes) -> None:
        for row in self._c.execute(sa.select(t.newest).where(t.newest.c.child == source)).all():
            self._c.execute(t.newest.insert().values(reader=row.reader, child=target, number=row.number))
