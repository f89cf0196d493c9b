"""What can be asked of the board's store. Every look-up is bounded by a scope: another board's areas do not exist.

Scope is decided entry by entry, by the areas that the router named when it wrote the entry (or those of the event,
order or handover that it belongs to). A child that moves from one board's area to another's is seen by each board
for its own side and time; an entry that names no area and no member of a board is no board's.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.batch import EVENT
from broker.store.audit.rows import (
    EntryRow,
    Found,
    Hole,
    Place,
    Question,
    Scope,
    Slip,
    SlipState,
    read_informed,
)
from schemas.audit import GAPS, EntryKind

OF_A_MEMBER: Final = (EntryKind.REFUSED, EntryKind.CHAIN_GAP, EntryKind.FLOOD, EntryKind.SENT_AGAIN)
"""Entries about a member and no child: for the boards that the member serves."""

AT_ONCE: Final = 500
"""How many values one statement may name."""
_AT_PLACE: Final = sa.and_(
    t.mirror.c.partition == t.entries.c.partition, t.mirror.c.number == t.entries.c.number
)
_IN_BLOCK: Final = sa.and_(
    t.veiled.c.partition == t.entries.c.partition,
    t.veiled.c.number == t.entries.c.number,
    t.veiled.c.inner == t.entries.c.inner,
)
_BODY: Final = sa.func.coalesce(t.veiled.c.body, t.mirror.c.body)


class Answers:
    """Reads inside one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def answer(self, question: Question) -> list[Found]:
        """Entries that fit, oldest first."""
        record = (
            sa.select(t.thread_records.c.record)
            .where(t.thread_records.c.thread == t.entries.c.thread)
            .order_by(t.thread_records.c.record)
            .limit(1)
            .correlate(t.entries)
            .scalar_subquery()
        )
        query = (
            sa.select(t.entries, t.slips, _BODY.label("whole"), record.label("record"))
            .join(t.mirror, _AT_PLACE)
            .outerjoin(t.veiled, _IN_BLOCK)
            .outerjoin(t.slips, t.slips.c.event_id == t.entries.c.event_id)
            .where(in_scope(question.scope), *_clauses(question))
            .order_by(t.entries.c.partition, t.entries.c.number, t.entries.c.inner)
        )
        if question.most:
            query = query.limit(question.most)
        return [_found(row) for row in self._c.execute(query).all()]

    def gaps(self) -> list[Found]:
        """The log's own word that numbers are missing: every board's, whatever was asked."""
        return self.answer(Question(Scope(frozenset()), kinds=(EntryKind.GAP.value,), most=0))

    def receipts_for(self, events: Iterable[bytes]) -> list[bytes]:
        """The receipt entries of these events, as they came."""
        wanted = sorted(EVENT + event for event in set(events))
        bodies: list[bytes] = []
        for start in range(0, len(wanted), AT_ONCE):
            query = (
                sa.select(_BODY)
                .select_from(t.entries)
                .join(t.mirror, _AT_PLACE)
                .outerjoin(t.veiled, _IN_BLOCK)
                .where(
                    t.entries.c.thread.in_(wanted[start : start + AT_ONCE]),
                    t.entries.c.kind == EntryKind.RECEIPT.value,
                )
            )
            bodies += self._c.scalars(query).all()
        return bodies

    def records_by_token(self, token: bytes) -> frozenset[bytes]:
        """The records that a token has led to, and those that they are joined with now."""
        found = set(self._c.scalars(sa.select(t.tokens.c.record).where(t.tokens.c.token == token)))
        return self.with_joined(found)

    def records_by_case(self, case_ref: str, scope: Scope) -> frozenset[bytes]:
        """The records of a front door's case reference, as far as events of this scope carry it."""
        records = (
            sa.select(t.shares.c.record)
            .join(t.slips, t.slips.c.event_id == t.shares.c.event_id)
            .where(
                t.slips.c.case_ref == case_ref,
                t.shares.c.record.is_not(None),
                concerned(t.shares.c.thread, scope, t.shares.c.at_ms),
            )
        )
        return self.with_joined(set(self._c.scalars(records)))

    def records_in(self, scope: Scope) -> frozenset[bytes]:
        """Every record that something within the scope is about."""
        areas = sa.select(t.thread_areas.c.thread).where(t.thread_areas.c.area.in_(sorted(scope.areas)))
        query = sa.select(t.thread_records.c.record).where(t.thread_records.c.thread.in_(areas))
        return frozenset(self._c.scalars(query.distinct()))

    def records_of(self, threads: Iterable[bytes]) -> dict[bytes, frozenset[bytes]]:
        """Which records each of these threads is about."""
        wanted = sorted(threads)
        found: dict[bytes, set[bytes]] = {}
        for start in range(0, len(wanted), AT_ONCE):
            query = sa.select(t.thread_records).where(
                t.thread_records.c.thread.in_(wanted[start : start + AT_ONCE])
            )
            for row in self._c.execute(query):
                found.setdefault(row.thread, set()).add(row.record)
        return {thread: frozenset(records) for thread, records in found.items()}

    def newest(self, partition: int) -> int:
        """The highest number that has come; 0 if none."""
        query = sa.select(sa.func.max(t.entries.c.number)).where(t.entries.c.partition == partition)
        return int(self._c.scalar(query) or 0)

    def count(self) -> int:
        """How many entries there are."""
        return int(self._c.scalar(sa.select(sa.func.count()).select_from(t.entries)) or 0)

    def holes(self) -> list[Hole]:
        """The numbers that are missing below the newest of each partition."""
        rows = self._c.execute(sa.select(t.holes).order_by(t.holes.c.partition, t.holes.c.first)).all()
        return [Hole(row.partition, row.first, row.last) for row in rows]

    def unread(self) -> list[str]:
        """Why each message that is no entry, or contradicts one, was not taken."""
        return list(self._c.scalars(sa.select(t.unread.c.why).order_by(t.unread.c.digest)))

    def with_joined(self, records: Collection[bytes]) -> frozenset[bytes]:
        """Records, and those that a person has said are the same child's."""
        return frozenset().union(*self.joined(records).values())

    def joined(self, records: Collection[bytes]) -> dict[bytes, frozenset[bytes]]:
        """By record: itself, and all that a person has said are the same child's."""
        of = {record: {record} for record in records}
        c, fresh = t.links.c, sorted(of)
        while fresh:
            some, fresh = fresh[:AT_ONCE], fresh[AT_ONCE:]
            either = sa.or_(c.record.in_(some), c.other.in_(some))
            for one, other in self._c.execute(
                sa.select(c.record, c.other).where(c.joined == 1, either)
            ).all():
                fresh += [record for record in (one, other) if record not in of]
                whole = of.setdefault(one, {one}) | of.setdefault(other, {other})
                of |= dict.fromkeys(whole, whole)
        return {record: frozenset(of[record]) for record in records}


def in_scope(scope: Scope) -> sa.ColumnElement[bool]:
    """Whether an entry may be shown to a board of this scope."""
    of_members = sa.and_(t.entries.c.kind.in_(OF_A_MEMBER), t.entries.c.actor.in_(sorted(scope.members)))
    of_all = sa.and_(t.entries.c.kind == EntryKind.GAP, t.entries.c.partition == GAPS)
    return sa.or_(_within(t.entries.c.thread, scope, t.entries.c.at_ms), of_members, of_all)


def concerned(
    thread: sa.ColumnElement[Any], scope: Scope, at_ms: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Whether a thread itself concerns one of the areas, at a time when the board answers for it."""
    return sa.exists().where(t.thread_areas.c.thread == thread, in_areas(t.thread_areas.c.area, scope, at_ms))


def _within(
    thread: sa.ColumnElement[Any], scope: Scope, at_ms: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Whether a thread, or what it belongs to, concerns one of the areas. Asked of each row, never of all threads."""
    parents = t.thread_parents.join(t.thread_areas, t.thread_areas.c.thread == t.thread_parents.c.parent)
    of_parent = (
        sa.select(sa.literal(1))
        .select_from(parents)
        .where(t.thread_parents.c.thread == thread, in_areas(t.thread_areas.c.area, scope, at_ms))
        .correlate(t.entries)
        .exists()
    )
    return sa.or_(concerned(thread, scope, at_ms), of_parent)


def in_areas(
    column: sa.ColumnElement[Any], scope: Scope, at_ms: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Whether an area is one that the board answers for, at this time."""
    always = sorted(scope.areas - scope.times.keys())
    clauses: list[sa.ColumnElement[bool]] = [column.in_(always)]
    for area, (since, until) in sorted(scope.times.items()):
        if area in scope.areas:
            clauses.append(sa.and_(column == area, at_ms >= since, at_ms < until))
    return sa.or_(*clauses)


def _clauses(question: Question) -> list[sa.ColumnElement[bool]]:
    clauses: list[sa.ColumnElement[bool]] = [
        t.entries.c.at_ms >= question.since_ms,
        t.entries.c.at_ms < question.until_ms,
    ]
    if question.records is not None:
        about = sa.select(t.thread_records.c.thread).where(
            t.thread_records.c.record.in_(sorted(question.records))
        )
        clauses.append(t.entries.c.thread.in_(about))
    if question.member is not None:
        clauses.append(t.entries.c.parties.contains(f" {question.member} ", autoescape=True))
    if question.kinds:
        clauses.append(t.entries.c.kind.in_(question.kinds))
    if question.broke:
        clauses.append(t.entries.c.broke.is_not(None))
    if question.area is not None:
        clauses.append(_within(t.entries.c.thread, Scope(frozenset({question.area})), t.entries.c.at_ms))
    return clauses


def slip_of(row: sa.Row[Any]) -> Slip:
    """The slip of a row that has one which is open."""
    return Slip(
        row.event_type,
        row.purpose,
        row.basis,
        row.occurred_ms,
        row.recorded_ms,
        row.case_ref,
        row.code,
        read_informed(row.informed),
    )


def _found(row: sa.Row[Any]) -> Found:
    entry = row._mapping  # noqa: SLF001  the library's own interface
    state = SlipState(row.state) if row.state is not None else SlipState.NONE
    slip = slip_of(row) if state is SlipState.OPEN else None
    return Found(
        row=EntryRow(
            place=Place(row.partition, row.number),
            at_ms=row.at_ms,
            kind=row.kind,
            thread=row.thread,
            event_id=entry[t.entries.c.event_id],
            actor=row.actor,
            body=row.whole,
            inner=row.inner,
        ),
        child=row.record,
        slip_state=state,
        slip=slip,
    )
