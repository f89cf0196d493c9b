"""What is owed because of what a gateway has read or said itself: each clock once, found by child, event or due time."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.gateway import tables as t
from broker.store.gateway.inbox import InRow
from broker.store.gateway.prepared import Prepared, driver
from schemas.wire import InKind

_C = t.clocks
_CURSOR = "clocks"
_KINDS = [int(kind) for kind in (InKind.VIEW, InKind.GRANTED, InKind.HANDOVER)]
_INBOX = sa.select(*(t.inbox.c[field.name] for field in fields(InRow)))
_DONE = ("applied", "failed")
ENDED = "over"
"""In place of what met a clock: nobody owes it any more, done or not."""


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One thing owed. ``about``: the event or handover that started it; ``number`` counts those that repeat, from 1.

    ``owner`` is a member's id, or an area's code where nobody there is known; ``due_ms`` None: nobody can say.
    """

    about: bytes
    key: str
    number: int
    owner: str
    area: str
    start_ms: int
    due_ms: int | None
    reason: str
    met_ms: int | None = None
    met_by: str | None = None
    """An event's id, a reader's, or the person who said so."""
    fired_ms: int | None = None


_ABOUT = Prepared(
    sa.select(*(_C.c[field.name] for field in fields(ClockRow)))
    .where(_C.c.about == sa.bindparam("of"))
    .order_by(_C.c.key, _C.c.number)
)


class Clocks:
    """Works inside one transaction of the caller's; nothing is durable before that commits."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection
        self._d = driver(connection)

    def unread(self, most: int) -> list[InRow]:
        """Deliveries that no clock was read from yet, by number, at most ``most``."""
        return self._inbox(t.inbox.c.number > self._cursor(), most)

    def left_behind(self) -> list[InRow]:
        """Deliveries that were passed over because they had to wait for others, and are applied now."""
        return self._inbox(t.inbox.c.number.in_(sa.select(t.clocks_skipped.c.number)), 1000)

    def read_up_to(self, number: int, passed_over: Iterable[int]) -> None:
        """Note how far clocks were read, and which numbers on the way had not come, or were waiting."""
        rows = [{"number": one} for one in passed_over]
        if rows:
            self._c.execute(insert(t.clocks_skipped).on_conflict_do_nothing(), rows)
        statement = insert(t.counters).values(name=_CURSOR, value=number)
        self._c.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": number}))

    def cursor(self) -> int:
        """The number up to which clocks were read."""
        return self._cursor()

    def caught_up(self, numbers: Collection[int]) -> None:
        """These were read after all."""
        self._c.execute(t.clocks_skipped.delete().where(t.clocks_skipped.c.number.in_(list(numbers))))

    def start(self, rows: Iterable[ClockRow], refs: Iterable[bytes]) -> None:
        """Write clocks; one that is there takes the later start (the router's commit for our own claim), once met it stays."""
        of_child = list(refs)
        for row in rows:
            statement = insert(_C).values(
                {field.name: getattr(row, field.name) for field in fields(ClockRow)}
            )
            fresh = statement.excluded
            self._c.execute(
                statement.on_conflict_do_update(
                    index_elements=["about", "key", "number"],
                    set_={"start_ms": fresh.start_ms, "due_ms": fresh.due_ms, "reason": fresh.reason},
                    where=sa.and_(_C.c.met_ms.is_(None), _C.c.fired_ms.is_(None)),
                )
            )
            for ref in of_child:
                self._c.execute(
                    insert(t.clock_refs).values(ref=ref, about=row.about).on_conflict_do_nothing()
                )

    def meet(
        self,
        keys: Collection[str],
        refs: Collection[bytes],
        at_ms: int,
        by: str,
        owner: str | None = None,
        done_ms: int | None = None,
    ) -> None:
        """These are met for that child, if they had started by then; for one ``owner`` only, or whosever they are.

        ``done_ms``: since when it was so; before the clock began is as it began.
        """
        met_ms = at_ms if done_ms is None else sa.func.max(_C.c.start_ms, done_ms)
        where = [
            _C.c.key.in_(list(keys)),
            _C.c.met_ms.is_(None),
            _C.c.start_ms <= at_ms,
            _C.c.about.in_(sa.select(t.clock_refs.c.about).where(t.clock_refs.c.ref.in_(list(refs)))),
        ]
        if owner is not None:
            where.append(_C.c.owner == owner)
        self._c.execute(_C.update().where(*where).values(met_ms=met_ms, met_by=by))

    def meet_one(self, row: ClockRow, at_ms: int, by: str) -> None:
        """This one is met."""
        self._c.execute(_C.update().where(*_is(row), _C.c.met_ms.is_(None)).values(met_ms=at_ms, met_by=by))

    def over(self, about: bytes, at_ms: int, outlives: Collection[str] = ()) -> None:
        """Nobody owes anything about this any more, but for clocks of these keys."""
        where = (_C.c.about == about, _C.c.met_ms.is_(None), _C.c.key.not_in(list(outlives)))
        self._c.execute(_C.update().where(*where).values(met_ms=at_ms, met_by=ENDED))

    def owed(self, key: str, refs: Collection[bytes]) -> bool:
        """Whether this is owed still for that child."""
        of_child = sa.select(t.clock_refs.c.about).where(t.clock_refs.c.ref.in_(list(refs)))
        where = (_C.c.key == key, _C.c.met_ms.is_(None), _C.c.about.in_(of_child))
        return self._c.scalar(sa.select(_C.c.about).where(*where).limit(1)) is not None

    def about(self, about: bytes) -> list[ClockRow]:
        """Everything owed about one event or handover, met or not."""
        return [ClockRow(*row) for row in _ABOUT.all(self._d, of=about)]

    def refs_of(self, about: bytes) -> frozenset[bytes]:
        """By what the child of a clock is found."""
        return frozenset(self._c.scalars(sa.select(t.clock_refs.c.ref).where(t.clock_refs.c.about == about)))

    def note(self, about: bytes, refs: Iterable[bytes]) -> None:
        """Something of a child's, found by these refs from here on."""
        for ref in refs:
            self._c.execute(insert(t.clock_refs).values(ref=ref, about=about).on_conflict_do_nothing())

    def noted(self, refs: Collection[bytes]) -> list[bytes]:
        """What was noted under any of these."""
        query = sa.select(t.clock_refs.c.about).where(t.clock_refs.c.ref.in_(list(refs))).distinct()
        return [bytes(about) for about in self._c.scalars(query)]

    def forget(self, about: bytes) -> None:
        """It is found no more."""
        self._c.execute(t.clock_refs.delete().where(t.clock_refs.c.about == about))

    def unnote(self, refs: Collection[bytes]) -> None:
        """These lead to nothing any more."""
        self._c.execute(t.clock_refs.delete().where(t.clock_refs.c.ref.in_(list(refs))))

    def runs(self, keys: Collection[str], refs: Collection[bytes]) -> bool:
        """Whether one of these was started for the child before, met or not."""
        of_child = sa.select(t.clock_refs.c.about).where(t.clock_refs.c.ref.in_(list(refs)))
        query = sa.select(_C.c.about).where(_C.c.key.in_(list(keys)), _C.c.about.in_(of_child)).limit(1)
        return self._c.scalar(query) is not None

    def open(self, before_ms: int | None = None, most: int = 10_000) -> list[ClockRow]:
        """What is owed still, due first; what nobody can date comes last. With ``before_ms``: due before then."""
        query = sa.select(_C).where(_C.c.met_ms.is_(None))
        if before_ms is not None:
            query = query.where(_C.c.due_ms < before_ms)
        return self._rows(query.order_by(_C.c.due_ms.is_(None), _C.c.due_ms).limit(most))

    def due(self, now_ms: int, most: int) -> list[ClockRow]:
        """What is overdue and has not fired. Late is late, even if nothing ran when it fell due."""
        query = sa.select(_C).where(_C.c.due_ms <= now_ms, _C.c.met_ms.is_(None), _C.c.fired_ms.is_(None))
        return self._rows(query.order_by(_C.c.due_ms).limit(most))

    def fired(self, rows: Iterable[ClockRow], at_ms: int) -> None:
        """These are late, and it was said."""
        for row in rows:
            self._c.execute(_C.update().where(*_is(row)).values(fired_ms=at_ms))

    def untold(self, owner: str, most: int) -> list[ClockRow]:
        """Clocks of this owner of which its boards have not heard, or not as they are now; those that can be dated."""
        told = t.clocks_told.c
        same = sa.and_(told.about == _C.c.about, told.key == _C.c.key, told.number == _C.c.number)
        news = sa.or_(
            told.about.is_(None), told.due_ms != _C.c.due_ms, told.met_ms.is_distinct_from(_C.c.met_ms)
        )
        query = sa.select(_C).outerjoin(t.clocks_told, same)
        return self._rows(query.where(_C.c.owner == owner, _C.c.due_ms.is_not(None), news).limit(most))

    def told(self, rows: Iterable[ClockRow]) -> None:
        """The boards have been told of these as they are."""
        for row in rows:
            said = {"due_ms": row.due_ms, "met_ms": row.met_ms}
            statement = insert(t.clocks_told).values(about=row.about, key=row.key, number=row.number, **said)
            self._c.execute(
                statement.on_conflict_do_update(index_elements=["about", "key", "number"], set_=said)
            )

    def _cursor(self) -> int:
        query = sa.select(t.counters.c.value).where(t.counters.c.name == _CURSOR)
        return int(self._c.scalar(query) or 0)

    def _inbox(self, where: sa.ColumnElement[bool], most: int) -> list[InRow]:
        query = _INBOX.where(where).order_by(t.inbox.c.number).limit(most)
        return [InRow(*row) for row in self._c.execute(query)]

    def _rows(self, query: sa.Select[tuple[object, ...]]) -> list[ClockRow]:
        return [ClockRow(**row) for row in self._c.execute(query).mappings()]


def says_something(row: InRow) -> bool:
    """Whether a delivery is of a kind that clocks are read from, and can be read."""
    return row.kind in _KINDS and row.state == "applied"


def is_settled(row: InRow) -> bool:
    """Whether a delivery waits for nothing any more."""
    return row.state in _DONE


def _is(row: ClockRow) -> tuple[sa.ColumnElement[bool], ...]:
    return _C.c.about == row.about, _C.c.key == row.key, _C.c.number == row.number
