"""What cue rules read of a child's events, the cues that were raised, and when a child is to be looked at again.

What a fact or a cue says is sealed by whoever keeps it; here are ids, keyed pseudonyms, states and times.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t
from broker.store.gateway.prepared import Prepared, driver

_C = t.cues


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact: about which child (None: it had no open matter), and on which day, counted from 1 January of year 1."""

    event_id: bytes
    child: bytes | None
    on_day: int
    lasts: bool
    sealed: bytes


@dataclass(frozen=True, slots=True)
class CueRow:
    """A cue. ``about`` is an event that it rests on; ``told``: in which state the boards were last told of it."""

    id: bytes
    child: bytes
    about: bytes
    state: str
    raised_ms: int
    due_ms: int
    settled_ms: int | None
    sealed: bytes
    told: str | None = None


_FACT_COLUMNS = [t.cue_facts.c[one.name] for one in fields(FactRow)]
_ADD = insert(t.cue_facts)
_KEEP = Prepared(
    _ADD.on_conflict_do_update(
        index_elements=["event_id"],
        set_={"child": _ADD.excluded.child, "sealed": _ADD.excluded.sealed},
        where=sa.and_(t.cue_facts.c.child.is_(None), _ADD.excluded.child.is_not(None)),
    ),
    *_FACT_COLUMNS,
)
_REFER = Prepared(insert(t.cue_refs).on_conflict_do_nothing(), *t.cue_refs.c)
_FOUND = Prepared(
    sa.select(*_FACT_COLUMNS)
    .join(t.cue_refs, t.cue_refs.c.event_id == t.cue_facts.c.event_id)
    .where(t.cue_refs.c.ref == sa.bindparam("by"))
)


class Cues:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection
        self._d = driver(connection)

    def keep(self, row: FactRow, refs: Iterable[bytes]) -> bool:
        """Keep a fact, found by these refs; False if it was there. One that came without a child's handle takes it."""
        done = _KEEP.run(self._d, **{one.name: getattr(row, one.name) for one in fields(FactRow)})
        for ref in refs:
            _REFER.run(self._d, ref=ref, event_id=row.event_id)
        return bool(done.rowcount)

    def facts(self, refs: Collection[bytes]) -> list[FactRow]:
        """All facts found by any of these, each once."""
        rows = {row[0]: row for ref in dict.fromkeys(refs) for row in _FOUND.all(self._d, by=ref)}
        return [FactRow(*row) for row in rows.values()]

    def these(self, events: Collection[bytes]) -> list[FactRow]:
        """The facts of these events, as far as they are kept."""
        query = sa.select(t.cue_facts).where(t.cue_facts.c.event_id.in_(list(events)))
        return [FactRow(**row) for row in self._c.execute(query).mappings()]

    def forget(self, before_day: int) -> int:
        """Facts from before that day are kept no longer, save those that last; gives how many there were."""
        old = sa.and_(t.cue_facts.c.on_day < before_day, t.cue_facts.c.lasts.is_(False))
        gone = sa.select(t.cue_facts.c.event_id).where(old)
        self._c.execute(t.cue_refs.delete().where(t.cue_refs.c.event_id.in_(gone)))
        return self._c.execute(t.cue_facts.delete().where(old)).rowcount

    def put(self, row: CueRow) -> None:
        """Write a cue as it is now; what the boards were told of it stays noted."""
        statement = insert(_C).values({one.name: getattr(row, one.name) for one in fields(CueRow)})
        fresh = statement.excluded
        self._c.execute(
            statement.on_conflict_do_update(
                index_elements=["id"],
                set_={"state": fresh.state, "settled_ms": fresh.settled_ms, "sealed": fresh.sealed},
            )
        )

    def of_children(self, children: Collection[bytes]) -> list[CueRow]:
        """Every cue about a child of these handles, oldest first."""
        return self._rows(_C.c.child.in_(list(children)))

    def like(self, beginning: str) -> list[CueRow]:
        """The cues whose id begins so, in hexadecimal digits."""
        return self._rows(sa.func.hex(_C.c.id).startswith(beginning.upper(), autoescape=True))

    def in_state(self, state: str | None = None) -> list[CueRow]:
        """Cues in this state, or in any; first those that are to be looked at first."""
        query = sa.select(_C) if state is None else sa.select(_C).where(_C.c.state == state)
        rows = self._c.execute(query.order_by(_C.c.due_ms, _C.c.raised_ms, _C.c.id)).mappings()
        return [CueRow(**row) for row in rows]

    def untold(self, most: int) -> list[CueRow]:
        """Cues of which the boards have not heard as they are now."""
        query = sa.select(_C).where(_C.c.told.is_distinct_from(_C.c.state))
        rows = self._c.execute(query.order_by(_C.c.raised_ms, _C.c.id).limit(most)).mappings()
        return [CueRow(**row) for row in rows]

    def told(self, rows: Iterable[CueRow]) -> None:
        """The boards have been told of these as they are."""
        for row in rows:
            self._c.execute(_C.update().where(_C.c.id == row.id).values(told=row.state))

    def look_again(self, child: bytes, at_ms: int | None) -> None:
        """When time alone may give reason to look at a child; None: it will not."""
        c = t.cue_looks.c
        if at_ms is None:
            self._c.execute(t.cue_looks.delete().where(c.child == child))
            return
        statement = insert(t.cue_looks).values(child=child, at_ms=at_ms)
        self._c.execute(statement.on_conflict_do_update(index_elements=["child"], set_={"at_ms": at_ms}))

    def to_look_at(self, now_ms: int, most: int) -> list[bytes]:
        """The children that are to be looked at by now."""
        c = t.cue_looks.c
        return list(
            self._c.scalars(sa.select(c.child).where(c.at_ms <= now_ms).order_by(c.at_ms).limit(most))
        )

    def _rows(self, where: sa.ColumnElement[bool]) -> list[CueRow]:
        query = sa.select(_C).where(where).order_by(_C.c.raised_ms, _C.c.id)
        return [CueRow(**row) for row in self._c.execute(query).mappings()]
