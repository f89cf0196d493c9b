"""Records: what was said under one identifier alone. Linked records are one child; parted, each is what it was.

A record keeps who held its case at first, which area took it on last, and the newest report of where the child is. So
what happened while a link stood goes, when that is undone, with the record that it happened to (P5, P10).
"""

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.router import tables as t
from broker.store.router.transaction import Transaction

_DECISIONS: Final = "decisions"
_COUNTED = sa.select(t.counters.c.value).where(t.counters.c.name == _DECISIONS)
_counter = insert(t.counters)
_COUNT = _counter.on_conflict_do_update(index_elements=["name"], set_={"value": _counter.excluded.value})
_ADD = t.records.insert()
_CHILD_OF = sa.select(t.records.c.child).where(t.records.c.origin == sa.bindparam("of_origin"))


@dataclass(frozen=True, slots=True)
class Report:
    """A credible report of where a child is: the event, whose it is; ``withheld``: the old side must not know."""

    area: str
    evidence: bytes
    by: str
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record. ``reported`` and ``taken`` say when, in the router's own count; 0 is before everything."""

    origin: bytes
    child: bytes
    holder: str
    """The area that held its case at first."""
    area: str
    """Where the newest report has the child."""
    evidence: bytes
    reporter: str
    withheld: bool
    reported: int
    taken_by: str | None = None
    """The area that took its case on last."""
    taken: int = 0


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One decision: the records (origins) ``kept`` and ``merged`` are one child, today ``child``."""

    n: int
    event_id: bytes
    child: bytes
    kept: bytes
    merged: bytes
    at_ms: int


class Records:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, transaction: Transaction) -> None:
        self._t = transaction
        self._counter: dict[str, int] = transaction.memory()

    def next_number(self) -> int:
        """Reports, acceptances and links in the order in which the router took them."""
        if _DECISIONS not in self._counter:
            self._counter[_DECISIONS] = self._t.reading.scalar(_COUNTED) or 0
        self._counter[_DECISIONS] += 1
        number = self._counter[_DECISIONS]
        self._t.keep(_COUNT, {"name": _DECISIONS, "value": number}, key=_DECISIONS)
        return number

    def add(self, origin: bytes, child: bytes, holder: str, report: Report, *, known: bool = True) -> None:
        """A record begins; ``known`` False: nobody has reported where its child is, it was only said to be another's."""
        self._t.keep(
            _ADD,
            {
                "origin": origin,
                "child": child,
                "holder": holder,
                "area": report.area,
                "evidence": report.evidence,
                "reporter": report.by,
                "withheld": report.withheld,
                "reported": self.next_number() if known else 0,
                "taken_by": None,
                "taken": 0,
            },
        )

    def report(self, origin: bytes, report: Report) -> None:
        """Somebody has reported under this record where the child is."""
        self._t.now.execute(
            t.records.update()
            .where(t.records.c.origin == origin)
            .values(
                area=report.area,
                evidence=report.evidence,
                reporter=report.by,
                withheld=report.withheld,
                reported=self.next_number(),
            )
        )

    def show(self, child: bytes) -> None:
        """Where a child is need not be hidden any more."""
        self._t.now.execute(t.records.update().where(t.records.c.child == child).values(withheld=False))

    def take(self, origins: Collection[bytes], area: str) -> None:
        """An area has taken on the case of these records."""
        self._t.now.execute(
            t.records.update()
            .where(t.records.c.origin.in_(list(origins)))
            .values(taken_by=area, taken=self.next_number())
        )

    def of(self, child: bytes) -> dict[bytes, RecordRow]:
        """A child's records."""
        rows = self._t.now.execute(sa.select(t.records).where(t.records.c.child == child)).all()
        return {row.origin: RecordRow(**row._mapping) for row in rows}  # noqa: SLF001  the library's own interface

    def child_of(self, origin: bytes) -> bytes | None:
        """The child that a record is of today."""
        rows = self._t.ask(_CHILD_OF, of_origin=origin)
        return rows[0][0] if rows else None

    def newest(self, child: bytes) -> RecordRow | None:
        """The record under which the child's whereabouts were last reported."""
        records = self.of(child)
        return newest_of(records.values()) if records else None


def newest_of(records: Iterable[RecordRow]) -> RecordRow:
    """The one with the newest report. Pure."""
    return max(records, key=lambda record: (record.reported, record.origin))


def holder_of(side: AbstractSet[bytes], records: Iterable[RecordRow], links: Iterable[LinkRow]) -> str:
    """Who holds the case of these records, had they never been linked to any other. Pure.

    What was decided about them is gone through again, in its order: where two are linked, the kept one's holder holds
    both; where an area took one on, it holds all that this one is linked with by then.
    """
    own = {record.origin: record for record in records if record.origin in side}
    within = [link for link in links if link.kept in own and link.merged in own]
    standing = {origin: _Standing(record.holder, frozenset({origin})) for origin, record in own.items()}
    steps: list[tuple[int, RecordRow | LinkRow]] = [(link.n, link) for link in within]
    steps += [(record.taken, record) for record in own.values() if record.taken_by is not None]
    for _, step in sorted(steps, key=lambda item: item[0]):
        if isinstance(step, LinkRow):
            kept, merged = standing[step.kept], standing[step.merged]
            now = replace(kept, origins=kept.origins | merged.origins)
        else:
            now = replace(standing[step.origin], holder=step.taken_by or step.holder)
        standing.update(dict.fromkeys(now.origins, now))
    return max(standing.values(), key=lambda one: len(one.origins)).holder


@dataclass(frozen=True, slots=True)
class _Standing:
    holder: str
    origins: frozenset[bytes]


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
