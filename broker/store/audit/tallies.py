"""What is counted of many moves and notices: in rows as narrow as a question needs, since thousands are read for one."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.answers import AT_ONCE, Answers, concerned
from broker.store.audit.facts import Period, noticed_by
from broker.store.audit.rows import Scope, SlipState

_PROPER: Final = sa.or_(t.moves.c.kind.is_(None), t.moves.c.kind == "move")
"""A move, not a stay or another kind of handover."""


class Reported(NamedTuple):
    """A move, what made it known, and one reader who has opened that; as often as there are such readers."""

    handover: bytes
    to_area: str | None
    noticed_ms: int
    author: str | None
    """Of the report; None: it is not known, or not this board's to see."""
    reported_ms: int | None
    place: tuple[int, int, int]
    """Of the report on the trail: of an event that stands there twice the newest counts."""
    reader: str | None
    opened_ms: int | None
    record: bytes | None
    accept_ms: int | None

    @property
    def known_ms(self) -> int:
        """When the move became known: by its report, or where that is not seen by the handover's notice."""
        return self.noticed_ms if self.reported_ms is None else self.reported_ms


class Transfer(NamedTuple):
    """A move that needs a conference: its two sides, and when its clocks began and ended. Times in ms since 1970."""

    handover: bytes
    from_area: str | None
    to_area: str | None
    withheld: bool
    noticed_ms: int
    verify_ms: int | None
    accept_ms: int | None
    held_ms: int | None


class Notices(NamedTuple):
    """How often people of a member were told of something owed, between when, and how often it was done in time."""

    owner: str
    times: int
    first_ms: int
    last_ms: int
    acted: int


class Tallies(Answers):
    """Reads inside one transaction."""

    def reported(
        self, scope: Scope, period: Period, areas: Collection[str], records: Collection[bytes] | None
    ) -> Iterator[Reported]:
        """Moves between one of ``areas`` and another that were noticed in the period, with who opened their reports."""
        m, s, c = t.moves.c, t.shares.c, t.copies.c
        seen = sa.and_(s.event_id == m.evidence, concerned(s.thread, scope, s.at_ms))
        opened = sa.and_(c.event_id == m.evidence, c.opened_ms.is_not(None))
        query = sa.select(
            *(m.handover, m.to_area, m.noticed_ms, s.author, s.at_ms),
            *(s.partition, s.number, s.inner, c.reader, c.opened_ms, m.record, m.accept_ms),
        ).select_from(t.moves.outerjoin(t.shares, seen).outerjoin(t.copies, opened))
        for row in self._noticed(query.where(_PROPER), scope, period, areas, records):
            handover, to_area, noticed_ms, author, at_ms, partition, number, inner, *rest = row
            place = (-1, -1, -1) if at_ms is None else (partition, number, inner)
            yield Reported(handover, to_area, noticed_ms, author, at_ms, place, *rest)

    def transfers(
        self, scope: Scope, period: Period, areas: Collection[str], records: Collection[bytes] | None
    ) -> Iterator[Transfer]:
        """Moves that were accepted on a plan, or whose conference was held, and were noticed in the period."""
        m = t.moves.c
        waits = sa.or_(m.last_state == "accepted", m.conference_held_ms.is_not(None))
        query = sa.select(
            *(m.handover, m.from_area, m.to_area, m.withheld == 1),
            *(m.noticed_ms, m.verify_ms, m.accept_ms, m.conference_held_ms),
        ).where(_PROPER, waits)
        return (Transfer(*row) for row in self._noticed(query, scope, period, areas, records))

    def noticed_of(
        self, scope: Scope, period: Period, areas: Collection[str], records: Collection[bytes]
    ) -> dict[bytes, list[int]]:
        """By record: when each of its handovers between one of ``areas`` and another was noticed in the period."""
        query, ordered = sa.select(t.moves.c.record, t.moves.c.noticed_ms), sorted(records)
        found: dict[bytes, list[int]] = {}
        for start in range(0, len(ordered), AT_ONCE):
            some = ordered[start : start + AT_ONCE]
            for row in self._noticed(query, scope, period, areas, some):
                found.setdefault(row[0], []).append(row[1])
        return found

    def heard(
        self, scope: Scope, period: Period, records: Collection[bytes] | None, author: str | None
    ) -> list[tuple[bytes, str]]:
        """Events of the period whose author says whether somebody was told of them, and what it says (``read_informed``)."""
        c, said = t.shares.c, t.slips.c
        # As an expression the time of a share has no index, along which every share of the period would be read.
        shared_ms = sa.func.coalesce(c.at_ms, 0)
        query = (
            sa.select(said.event_id, said.informed)
            .distinct()
            .select_from(t.slips.join(t.shares, c.event_id == said.event_id))
            .where(
                said.informed.is_not(None),
                said.state == SlipState.OPEN.value,
                *(at_ms >= period.since_ms for at_ms in (said.at_ms, shared_ms)),
                *(at_ms < period.until_ms for at_ms in (said.at_ms, shared_ms)),
                concerned(c.thread, scope, c.at_ms),
            )
        )
        if author is not None:
            query = query.where(c.author == author)
        if records is not None:
            query = query.where(c.record.in_(sorted(records)))
        rows: Sequence[Any] = self._c.execute(query).all()
        return [(row[0], row[1]) for row in rows]

    def notices(self, scope: Scope, period: Period) -> list[Notices]:
        """What people of this scope's members were told in the period, by member."""
        c, o = t.told.c, t.overdue.c
        late = (
            sa.exists().where(o.thread == c.thread, o.owed == c.owed, o.due_ms == c.due_ms).correlate(t.told)
        )
        acted = sa.func.sum(sa.case((late, 0), else_=1))
        query = (
            sa.select(c.owner, sa.func.count(), sa.func.min(c.at_ms), sa.func.max(c.at_ms), acted)
            .where(
                c.owner.in_(sorted(scope.members)),
                c.at_ms >= period.since_ms,
                c.at_ms < period.until_ms,
                concerned(c.thread, scope, c.at_ms),
            )
            .group_by(c.owner)
        )
        rows: Iterable[Any] = self._c.execute(query)
        return [Notices(*row) for row in rows]

    def rungs(self, scope: Scope, period: Period) -> frozenset[tuple[str, str]]:
        """Whose people were told of something owed in the period, and on which rungs."""
        c = t.told.c
        query = sa.select(c.owner, c.rung).where(
            c.owner.is_not(None),
            c.at_ms >= period.since_ms,
            c.at_ms < period.until_ms,
            concerned(c.thread, scope, c.at_ms),
        )
        return frozenset((row[0], row[1]) for row in self._c.execute(query.distinct()))

    def _noticed(
        self,
        query: sa.Select[Any],
        scope: Scope,
        period: Period,
        areas: Collection[str],
        records: Collection[bytes] | None,
    ) -> Iterator[Any]:
        for side in noticed_by(scope, areas, period, records):
            yield from self._c.execute(query.where(side)).all()
