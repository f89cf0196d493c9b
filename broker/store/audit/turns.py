"""What begins, ends or is raised again, in rows narrow enough to be counted one by one however long the trail is."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.answers import AT_ONCE, Answers, in_areas
from broker.store.audit.batch import Writer
from broker.store.audit.facts import Period
from broker.store.audit.rows import Scope, SlipState


class Raised(NamedTuple):
    """An event that was raised; ``again``: within the time that was asked about after an end."""

    event_id: bytes
    holder: str | None
    again: bool


class Turns(Answers):
    """Works inside one transaction."""

    _writer: Writer

    def add_turns(self, events: Collection[bytes] | None) -> None:
        """What these events begin or end, or all events; once their rows are there. A repeat changes nothing."""
        if events is None:
            self._writer.copy(self._c, t.turns, _turns(t.slips.c.event_type))
            return
        # Found by their ids: as an expression the type has no index, along which all that were ever of it would be read.
        chosen = _turns(sa.func.coalesce(t.slips.c.event_type, ""))
        ordered = sorted(events)
        for start in range(0, len(ordered), AT_ONCE):
            some = t.slips.c.event_id.in_(ordered[start : start + AT_ONCE])
            self._writer.copy(self._c, t.turns, chosen.where(some))

    def raised(
        self, scope: Scope, period: Period, event_type: str, after: Sequence[str], within_ms: int
    ) -> list[Raised]:
        """Events of a type in the period, and whether one of the types in ``after`` was there shortly before."""
        c, ended = t.turns.c, t.turns.alias()
        before = (
            sa.exists()
            .where(
                ended.c.record == c.record,
                ended.c.event_type.in_(after),
                ended.c.at_ms < c.at_ms,
                ended.c.at_ms >= c.at_ms - within_ms,
                in_areas(ended.c.area, scope, ended.c.at_ms),
            )
            .correlate(t.turns)
        )
        query = sa.select(c.partition, c.number, c.inner, c.event_id, c.holder, before).where(
            c.event_type == event_type, _in_period(period), in_areas(c.area, scope, c.at_ms)
        )
        newest: dict[bytes, Any] = {}
        rows: Sequence[Any] = self._c.execute(query).all()
        for row in rows:
            # Of an event that is partly in clear and whole in a sealed block, the whole one counts.
            known = newest.setdefault(row[3], row)
            if known is not row and known[:3] < row[:3]:
                newest[row[3]] = row
        return [Raised(event_id, row[4], bool(row[5])) for event_id, row in newest.items()]

    def records_with_several(self, scope: Scope, period: Period, event_type: str) -> frozenset[bytes]:
        """Records about which at least two events of a type were shared in the period."""
        c = t.turns.c
        query = (
            sa.select(c.record)
            .where(
                c.event_type == event_type,
                c.record.is_not(None),
                _in_period(period),
                in_areas(c.area, scope, c.at_ms),
            )
            .group_by(c.record)
            .having(sa.func.min(c.event_id) != sa.func.max(c.event_id))
        )
        return frozenset(self._c.scalars(query))


def _turns(event_type: sa.ColumnElement[Any]) -> sa.Select[Any]:
    slips, shares, areas = t.slips.c, t.shares.c, t.thread_areas.c
    return (
        sa.select(
            slips.event_type,
            areas.area,
            shares.at_ms,
            shares.event_id,
            shares.partition,
            shares.number,
            shares.inner,
            shares.record,
            shares.holder,
        )
        .select_from(t.slips)
        .join(t.shares, shares.event_id == slips.event_id)
        .join(t.thread_areas, areas.thread == shares.thread)
        .where(slips.state == SlipState.OPEN.value, event_type.in_(t.TURNS))
    )


def _in_period(period: Period) -> sa.ColumnElement[bool]:
    return sa.and_(t.turns.c.at_ms >= period.since_ms, t.turns.c.at_ms < period.until_ms)
