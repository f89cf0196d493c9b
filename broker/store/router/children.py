"""Children with an open matter: tokens, case holder, safety duty, matters, involvement."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from broker.store.router import tables as t
from broker.store.router.records import Records, Report
from broker.store.router.transaction import Transaction

_OF_A_CHILD = (
    t.tokens,
    t.children,
    t.records,
    t.matters,
    t.involved,
    t.newest,
    t.deliveries,
    t.orders,
    t.handovers,
    t.deadlines,
    t.links,
)
_BY_THEIR_OWNER = (
    (t.moments.c.handover, t.handovers.c.handover),
    (t.notices_sent.c.about, t.deadlines.c.about),
    (t.one_time.c.handover, t.handovers.c.handover),
    (t.protections.c.origin, t.records.c.origin),
)
"""Rows that name no child: they go with what they are about."""
_LED_TO = (
    sa.select(
        t.tokens.c.token, t.tokens.c.origin, t.children.c.child, t.children.c.holder, t.children.c.safety
    )
    .join(t.children, t.children.c.child == t.tokens.c.child)
    .where(t.tokens.c.token.in_(sa.bindparam("tokens", expanding=True)))
)
_MATTER_AREAS = sa.select(t.matters.c.area).where(t.matters.c.child == sa.bindparam("of_child"))
_INVOLVED = sa.select(t.involved.c.child, t.involved.c.member).where(
    t.involved.c.child.in_(sa.bindparam("children", expanding=True))
)


@dataclass(frozen=True, slots=True)
class ChildRow:
    """Two facts, never merged (P5): which area holds the case, and where the safety duty is."""

    child: bytes
    holder: str
    safety: str


class Children:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction
        self.records = Records(transaction)
        self._led: dict[bytes, tuple[bytes, ChildRow] | None] = transaction.memory()
        """What a token leads to: its own record, and the child of today."""
        self._involved: dict[bytes, frozenset[str]] = transaction.memory()

    def read_ahead(self, tokens: Collection[bytes]) -> frozenset[bytes]:
        """Have all at hand that will be asked about these tokens; gives the children that they lead to."""
        self._lead([token for token in tokens if token not in self._led])
        rows = [found[1] for token in tokens if (found := self._led[token]) is not None]
        children = frozenset(row.child for row in rows)
        self._read_involved([child for child in children if child not in self._involved])
        return children

    def by_tokens(self, tokens: Sequence[bytes]) -> list[ChildRow]:
        """The children that these tokens lead to, each once, in the order of the tokens."""
        self._lead([token for token in tokens if token not in self._led])
        rows = [found[1] for token in tokens if (found := self._led[token]) is not None]
        return list({row.child: row for row in rows}.values())

    def origin_of(self, token: bytes) -> bytes | None:
        """The child that a token led to before any link."""
        self._lead([token] if token not in self._led else [])
        found = self._led[token]
        return None if found is None else found[0]

    def _lead(self, tokens: Collection[bytes]) -> None:
        if not tokens:
            return
        self._led.update(dict.fromkeys(tokens))
        for row in self._t.reading.execute(_LED_TO, {"tokens": list(tokens)}).all():
            self._led[row.token] = (row.origin, ChildRow(row.child, row.holder, row.safety))

    def get(self, child: bytes) -> ChildRow | None:
        """One child's row."""
        row = self._t.now.execute(sa.select(t.children).where(t.children.c.child == child)).first()
        return None if row is None else ChildRow(row.child, row.holder, row.safety)

    def create(self, child: bytes, token: bytes, holder: str, report: Report, at_ms: int) -> ChildRow:
        """A first matter has opened: the child gets a row, its token leads to it."""
        self.add(child, holder, report.area, at_ms)
        self.records.add(child, child, holder, report)
        self._t.now.execute(t.tokens.insert().values(token=token, child=child, origin=child))
        row = ChildRow(child, holder, report.area)
        self._led[token] = (child, row)
        return row

    def add(self, child: bytes, holder: str, safety: str, at_ms: int) -> None:
        """A child's own row, without anything that leads to it."""
        self._t.now.execute(
            t.children.insert().values(
                child=child, holder=holder, safety=safety, safety_since_ms=at_ms, opened_ms=at_ms
            )
        )

    def set_holder(self, child: bytes, area: str) -> None:
        """The case has passed to ``area``."""
        self._led.clear()
        self._t.now.execute(t.children.update().where(t.children.c.child == child).values(holder=area))

    def set_safety(self, child: bytes, area: str, at_ms: int) -> None:
        """The child is in ``area`` now."""
        self._led.clear()
        self._t.now.execute(
            t.children.update().where(t.children.c.child == child).values(safety=area, safety_since_ms=at_ms)
        )

    def open_matter(
        self, child: bytes, origin: bytes, author: str, ref: bytes, area: str, at_ms: int
    ) -> bool:
        """Record an open matter; False if it was open already for this child."""
        known = self._t.now.scalar(
            sa.select(t.matters.c.child).where(
                t.matters.c.author == author, t.matters.c.ref == ref, t.matters.c.child == child
            )
        )
        if known is not None:
            return False
        self._t.now.execute(
            t.matters.insert().values(
                author=author, ref=ref, child=child, origin=origin, area=area, opened_ms=at_ms
            )
        )
        return True

    def close_matter(self, child: bytes, author: str, ref: bytes) -> bool:
        """Close a matter of this child's; False if it was not open."""
        done = self._t.now.execute(
            t.matters.delete().where(
                t.matters.c.author == author, t.matters.c.ref == ref, t.matters.c.child == child
            )
        )
        return bool(done.rowcount)

    def matter_authors(self, child: bytes) -> frozenset[str]:
        """Members with an open matter about the child."""
        return frozenset(self._t.now.scalars(sa.select(t.matters.c.author).where(t.matters.c.child == child)))

    def matter_areas(self, child: bytes) -> frozenset[str]:
        """Areas with an open matter for the child."""
        return frozenset(area for (area,) in self._t.ask(_MATTER_AREAS, of_child=child))

    def involved(self, child: bytes) -> frozenset[str]:
        """Members whose involvement a front door has confirmed."""
        if child not in self._involved:
            self._read_involved([child])
        return self._involved[child]

    def _read_involved(self, children: Collection[bytes]) -> None:
        if not children:
            return
        members: dict[bytes, set[str]] = {child: set() for child in children}
        for child, member in self._t.reading.execute(_INVOLVED, {"children": list(children)}).all():
            members[child].add(member)
        self._involved.update((child, frozenset(found)) for child, found in members.items())

    def involve(self, child: bytes, member: str, at_ms: int) -> None:
        """A front door has confirmed a member's involvement."""
        if member not in self.involved(child):
            self._involved.pop(child)
            self._t.now.execute(t.involved.insert().values(child=child, member=member, since_ms=at_ms))

    def uninvolve(self, child: bytes, member: str) -> None:
        """The involvement has ended."""
        self._involved.pop(child, None)
        self._t.now.execute(
            t.involved.delete().where(t.involved.c.child == child, t.involved.c.member == member)
        )

    def forget(self, child: bytes) -> None:
        """No matter is open any more: every row of the child goes, overwritten (P12)."""
        self._t.forget()
        given = sa.select(t.deliveries.c.reader, t.deliveries.c.number).where(t.deliveries.c.child == child)
        self._t.now.execute(
            t.receipts.delete().where(sa.tuple_(t.receipts.c.reader, t.receipts.c.number).in_(given))
        )
        ordered = sa.select(t.orders.c.order_id).where(t.orders.c.child == child)
        for asked in (t.order_events, t.faulty):
            self._t.now.execute(asked.delete().where(asked.c.order_id.in_(ordered)))
        for column, owner in _BY_THEIR_OWNER:
            ids = sa.select(owner).where(owner.table.c.child == child)
            self._t.now.execute(column.table.delete().where(column.in_(ids)))
        for table in _OF_A_CHILD:
            self._t.now.execute(table.delete().where(table.c.child == child))
