"""The board's store: entries in, answers out. Everything in it can be thrown away and read from AUDIT again."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.audit import tables as t
from broker.store.engine import open_sqlite, writing


@dataclass(frozen=True, slots=True)
class Slip:
    """What the board may know of an event: kind, purpose, basis, dates; never its content."""

    event_type: str
    purpose: str
    basis: str
    occurred_ms: int
    recorded_ms: int
    case_ref: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of an answer, with the slip of its event if there is one."""

    partition: int
    number: int
    at_ms: int
    kind: str
    child: bytes | None
    event_id: bytes | None
    actor: str | None
    body: bytes
    slip: Slip | None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``children`` None: any child in ``areas``; an empty one finds nothing."""

    areas: frozenset[str]
    children: frozenset[bytes] | None = None
    actor: str | None = None
    area: str | None = None
    kinds: tuple[str, ...] = ()
    since_ms: int = 0
    until_ms: int = field(default=1 << 62)
    most: int = 1000


@dataclass(frozen=True, slots=True)
class SealedSlip:
    """A slip that waits for its key."""

    event_id: bytes
    child: bytes
    author: str
    body: bytes


class AuditWork:
    """One transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def add(
        self,
        *,
        partition: int,
        number: int,
        at_ms: int,
        kind: str,
        child: bytes | None,
        event_id: bytes | None,
        actor: str | None,
        body: bytes,
    ) -> bool:
        """Keep an entry; False if it was there."""
        statement = insert(t.entries).values(
            partition=partition,
            number=number,
            at_ms=at_ms,
            kind=kind,
            child=child,
            event_id=event_id,
            actor=actor,
            body=body,
        )
        return bool(self._c.execute(statement.on_conflict_do_nothing()).rowcount)

    def add_slip(self, event_id: bytes, child: bytes, slip: Slip) -> None:
        """Keep what a slip says."""
        statement = insert(t.slips).values(
            event_id=event_id,
            child=child,
            event_type=slip.event_type,
            purpose=slip.purpose,
            basis=slip.basis,
            occurred_ms=slip.occurred_ms,
            recorded_ms=slip.recorded_ms,
            case_ref=slip.case_ref,
        )
        self._c.execute(statement.on_conflict_do_nothing())

    def add_key(self, author: str, key_ref: bytes, wrapped: bytes) -> None:
        """Keep a slip key, as the vault wrapped it."""
        statement = insert(t.slip_keys).values(author=author, key_ref=key_ref, wrapped=wrapped)
        self._c.execute(statement.on_conflict_do_nothing())

    def key(self, author: str, key_ref: bytes) -> bytes | None:
        """A slip key, as the vault wrapped it."""
        return self._c.scalar(
            sa.select(t.slip_keys.c.wrapped).where(
                t.slip_keys.c.author == author, t.slip_keys.c.key_ref == key_ref
            )
        )

    def wait_for_key(self, slip: SealedSlip, key_ref: bytes) -> None:
        """Keep a slip whose key has not come."""
        statement = insert(t.sealed_slips).values(
            event_id=slip.event_id, child=slip.child, author=slip.author, key_ref=key_ref, body=slip.body
        )
        self._c.execute(statement.on_conflict_do_nothing())

    def waiting_for(self, author: str, key_ref: bytes) -> list[SealedSlip]:
        """Slips that waited for this key; they are taken out."""
        where = sa.and_(t.sealed_slips.c.author == author, t.sealed_slips.c.key_ref == key_ref)
        rows = self._c.execute(sa.select(t.sealed_slips).where(where)).all()
        self._c.execute(t.sealed_slips.delete().where(where))
        return [SealedSlip(row.event_id, row.child, row.author, row.body) for row in rows]

    def child_known(self, child: bytes, areas: Iterable[str], tokens: Iterable[bytes]) -> None:
        """A child is of these areas and found by these tokens."""
        for area in areas:
            self._c.execute(insert(t.child_areas).values(child=child, area=area).on_conflict_do_nothing())
        for token in tokens:
            self._c.execute(insert(t.tokens).values(token=token, child=child).on_conflict_do_nothing())

    def join(self, child: bytes, into: bytes) -> None:
        """Two records were linked."""
        self._c.execute(insert(t.joined).values(child=child, into=into).on_conflict_do_nothing())

    def children_by_token(self, token: bytes) -> frozenset[bytes]:
        """The children that a token has led to, and those that they were joined with."""
        found = set(self._c.scalars(sa.select(t.tokens.c.child).where(t.tokens.c.token == token)))
        return self._with_joined(found)

    def children_by_case(self, case_ref: str) -> frozenset[bytes]:
        """The children of a front door's case reference."""
        found = set(
            self._c.scalars(sa.select(t.slips.c.child).where(t.slips.c.case_ref == case_ref).distinct())
        )
        return self._with_joined(found)

    def answer(self, question: Question) -> list[Found]:
        """Entries that fit, oldest first, and only of children whose area this board answers for."""
        query = (
            sa.select(t.entries, t.slips)
            .outerjoin(t.slips, t.slips.c.event_id == t.entries.c.event_id)
            .where(t.entries.c.at_ms >= question.since_ms, t.entries.c.at_ms < question.until_ms)
        )
        in_scope = sa.select(t.child_areas.c.child).where(t.child_areas.c.area.in_(question.areas))
        query = query.where(sa.or_(t.entries.c.child.is_(None), t.entries.c.child.in_(in_scope)))
        for clause in _clauses(question):
            query = query.where(clause)
        rows = self._c.execute(
            query.order_by(t.entries.c.partition, t.entries.c.number).limit(question.most)
        ).all()
        return [_found(row) for row in rows]

    def count(self) -> int:
        """How many entries there are."""
        return int(self._c.scalar(sa.select(sa.func.count()).select_from(t.entries)) or 0)

    def gaps(self) -> int:
        """How many entry numbers below the newest are missing."""
        newest = int(self._c.scalar(sa.select(sa.func.max(t.entries.c.number))) or 0)
        return newest - self.count()

    def child_of_event(self, event_id: bytes) -> bytes | None:
        """The child that an event was about, as its own entry says."""
        return self._c.scalar(
            sa.select(t.entries.c.child).where(t.entries.c.event_id == event_id, t.entries.c.kind == "taken")
        )

    def _with_joined(self, children: set[bytes]) -> frozenset[bytes]:
        rows = self._c.execute(sa.select(t.joined.c.child, t.joined.c.into)).all()
        pairs = [(row.child, row.into) for row in rows]
        grown = True
        while grown:
            before = len(children)
            for child, into in pairs:
                if child in children or into in children:
                    children |= {child, into}
            grown = len(children) > before
        return frozenset(children)


class AuditStore:
    """One board's query store."""

    def __init__(self, path: Path) -> None:
        self._engine = open_sqlite(path, "audit")

    @contextmanager
    def work(self) -> Iterator[AuditWork]:
        """One write transaction. Raises UnavailableError."""
        with writing(self._engine) as connection:
            yield AuditWork(connection)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def _clauses(question: Question) -> list[sa.ColumnElement[bool]]:
    clauses: list[sa.ColumnElement[bool]] = []
    if question.children is not None:
        clauses.append(t.entries.c.child.in_(list(question.children)))
    if question.actor is not None:
        clauses.append(t.entries.c.actor == question.actor)
    if question.kinds:
        clauses.append(t.entries.c.kind.in_(question.kinds))
    if question.area is not None:
        of_area = sa.select(t.child_areas.c.child).where(t.child_areas.c.area == question.area)
        clauses.append(t.entries.c.child.in_(of_area))
    return clauses


def _found(row: sa.Row[tuple[object, ...]]) -> Found:
    slip = None
    if row.event_type is not None:
        slip = Slip(row.event_type, row.purpose, row.basis, row.occurred_ms, row.recorded_ms, row.case_ref)
    entry = row._mapping  # noqa: SLF001  the library's own interface
    return Found(
        partition=row.partition,
        number=row.number,
        at_ms=row.at_ms,
        kind=row.kind,
        child=entry[t.entries.c.child],
        event_id=entry[t.entries.c.event_id],
        actor=row.actor,
        body=row.body,
        slip=slip,
    )
