"""What can be asked of the board's store. Every look-up is bounded by a scope: another board's areas do not exist.

Scope is decided entry by entry, by the areas that the router named when it wrote the entry (or those of the event,
order or handover that it belongs to). A child that moves from one board's area to another's is seen by each board
for its own side and time; an entry that names no area and no member of a board is no board's.
"""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.rows import EntryRow, Found, Hole, Place, Question, Scope, Slip, SlipState
from schemas.audit import EntryKind

OF_A_MEMBER: Final = (EntryKind.REFUSED, EntryKind.CHAIN_GAP, EntryKind.FLOOD, EntryKind.SENT_AGAIN)
"""Entries about a member and no child: for the boards that the member serves."""

_AT_ONCE: Final = 500
"""How many values one statement may name."""


class Answers:
    """Reads inside one transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._c = connection

    def answer(self, question: Question) -> list[Found]:
        """Entries that fit, oldest first."""
        record = (
            sa.select(sa.func.min(t.thread_records.c.record))
            .where(t.thread_records.c.thread == t.entries.c.thread)
            .scalar_subquery()
        )
        query = (
            sa.select(t.entries, t.slips, record.label("record"))
            .outerjoin(t.slips, t.slips.c.event_id == t.entries.c.event_id)
            .where(_in_scope(question.scope), *_clauses(question))
            .order_by(t.entries.c.partition, t.entries.c.number)
        )
        if question.most:
            query = query.limit(question.most)
        return [_found(row) for row in self._c.execute(query).all()]

    def receipts_for(self, events: Iterable[bytes]) -> list[bytes]:
        """The receipt entries of these events, as they came."""
        wanted = sorted(set(events))
        bodies: list[bytes] = []
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            query = sa.select(t.entries.c.body).where(
                t.entries.c.event_id.in_(some), t.entries.c.kind == EntryKind.RECEIPT.value
            )
            bodies += self._c.scalars(query).all()
        return bodies

    def records_by_token(self, token: bytes) -> frozenset[bytes]:
        """The records that a token has led to, and those that they are joined with now."""
        found = set(self._c.scalars(sa.select(t.tokens.c.record).where(t.tokens.c.token == token)))
        return self._with_joined(found)

    def records_by_case(self, case_ref: str, scope: Scope) -> frozenset[bytes]:
        """The records of a front door's case reference, as far as events of this scope carry it."""
        events = sa.select(t.slips.c.event_id).where(t.slips.c.case_ref == case_ref)
        carrying = sa.select(t.entries.c.thread).where(
            t.entries.c.event_id.in_(events),
            t.entries.c.kind == EntryKind.TAKEN.value,
            t.entries.c.thread.in_(_threads(scope.areas)),
        )
        records = sa.select(t.thread_records.c.record).where(t.thread_records.c.thread.in_(carrying))
        found = set(self._c.scalars(records))
        return self._with_joined(found)

    def newest(self, partition: int) -> int:
        """The highest number that has come; 0 if none."""
        return int(
            self._c.scalar(
                sa.select(sa.func.max(t.entries.c.number)).where(t.entries.c.partition == partition)
            )
            or 0
        )

    def body_of(self, place: Place) -> bytes | None:
        """One entry as it came."""
        return self._c.scalar(
            sa.select(t.entries.c.body).where(
                t.entries.c.partition == place.partition, t.entries.c.number == place.number
            )
        )

    def bodies_of(self, places: Iterable[Place]) -> list[bytes]:
        """Entries as they came."""
        wanted = sorted((place.partition, place.number) for place in places)
        place = sa.tuple_(t.entries.c.partition, t.entries.c.number)
        bodies: list[bytes] = []
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            bodies += self._c.scalars(sa.select(t.entries.c.body).where(place.in_(some))).all()
        return bodies

    def records_in(self, scope: Scope) -> frozenset[bytes]:
        """Every record that something within the scope is about."""
        query = sa.select(t.thread_records.c.record).where(
            t.thread_records.c.thread.in_(_threads(scope.areas))
        )
        return frozenset(self._c.scalars(query.distinct()))

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

    def leaves(self, size: int) -> list[tuple[int, bytes]]:
        """The first leaves of the log as far as they have come, in order."""
        query = sa.select(t.leaves).where(t.leaves.c.index < size).order_by(t.leaves.c.index)
        return [(row[0], row[1]) for row in self._c.execute(query)]

    def count_leaves(self) -> int:
        """How many entries of the log have come."""
        return int(self._c.scalar(sa.select(sa.func.count()).select_from(t.leaves)) or 0)

    def leaf_indexes(self, hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Where in the log entries with these leaf hashes stand."""
        wanted = sorted(set(hashes))
        found: dict[bytes, int] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            query = sa.select(t.leaves).where(t.leaves.c.hash.in_(some))
            found |= {row[1]: row[0] for row in self._c.execute(query)}
        return found

    def newest_head(self) -> str | None:
        """The newest head that counts."""
        return self._c.scalar(sa.select(t.heads.c.note).order_by(t.heads.c.size.desc()).limit(1))

    def _with_joined(self, records: set[bytes]) -> frozenset[bytes]:
        reached, fresh = set(records), set(records)
        while fresh:
            rows = self._c.execute(
                sa.select(t.links.c.record, t.links.c.other).where(
                    t.links.c.joined == 1, sa.or_(t.links.c.record.in_(fresh), t.links.c.other.in_(fresh))
                )
            ).all()
            fresh = {record for row in rows for record in (row.record, row.other)} - reached
            reached |= fresh
        return frozenset(reached)


def _threads(areas: Iterable[str]) -> sa.CompoundSelect[Any]:
    """Everything that concerns one of these areas."""
    own = sa.select(t.thread_areas.c.thread).where(t.thread_areas.c.area.in_(sorted(areas)))
    within = sa.select(t.thread_parents.c.thread).where(t.thread_parents.c.parent.in_(own))
    return sa.union(own, within)


def _in_scope(scope: Scope) -> sa.ColumnElement[bool]:
    of_members = sa.and_(t.entries.c.kind.in_(OF_A_MEMBER), t.entries.c.actor.in_(sorted(scope.members)))
    return sa.or_(t.entries.c.thread.in_(_threads(scope.areas)), of_members)


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
        named = sa.exists().where(
            t.parties.c.member == question.member,
            t.parties.c.partition == t.entries.c.partition,
            t.parties.c.number == t.entries.c.number,
        )
        clauses.append(named)
    if question.kinds:
        clauses.append(t.entries.c.kind.in_(question.kinds))
    if question.area is not None:
        clauses.append(t.entries.c.thread.in_(_threads([question.area])))
    return clauses


def _found(row: sa.Row[Any]) -> Found:
    entry = row._mapping  # noqa: SLF001  the library's own interface
    state = SlipState(row.state) if row.state is not None else SlipState.NONE
    slip = None
    if state is SlipState.OPEN:
        slip = Slip(row.event_type, row.purpose, row.basis, row.occurred_ms, row.recorded_ms, row.case_ref)
    return Found(
        row=EntryRow(
            place=Place(row.partition, row.number),
            at_ms=row.at_ms,
            kind=row.kind,
            thread=row.thread,
            event_id=entry[t.entries.c.event_id],
            actor=row.actor,
            body=entry[t.entries.c.body],
        ),
        child=row.record,
        slip_state=state,
        slip=slip,
    )
