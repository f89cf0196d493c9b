"""What the board's questions count: facts, bounded by a scope as everything is. Reads inside one transaction."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.answers import AT_ONCE, Answers, concerned, in_areas, slip_of
from broker.store.audit.rows import (
    FOR_EVER_MS,
    Copy,
    Due,
    Move,
    Obligation,
    Place,
    Scope,
    Share,
    SlipState,
)

_WIDE: Final = len(t.shares.columns)


class Period(NamedTuple):
    """From a moment to another, the second not included; milliseconds since 1970."""

    since_ms: int = 0
    until_ms: int = FOR_EVER_MS


class Facts(Answers):
    """Rows for questions."""

    def moves(
        self,
        scope: Scope,
        period: Period,
        *,
        areas: Collection[str],
        records: Collection[bytes] | None = None,
        declined: bool = False,
        several: bool = False,
    ) -> list[Move]:
        """Handovers between one of ``areas`` and another that were noticed in the period, oldest first.

        ``declined``: those that were declined at least once. ``several``: those of records that have at least two.
        """
        c, found = t.moves.c, []
        query = sa.select(t.moves)
        if declined:
            query = query.where(c.decline_ms.is_not(None))
        if several:
            other = t.moves.alias()
            query = query.where(
                sa.exists()
                .where(other.c.record == c.record, other.c.handover != c.handover)
                .correlate(t.moves)
            )
        for side in noticed_by(scope, areas, period, records):
            found += [_move(row) for row in self._c.execute(query.where(side))]
        return sorted(found, key=lambda move: (move.steps.get("noticed", 0), move.handover))

    def shares(
        self,
        scope: Scope,
        period: Period,
        *,
        types: Sequence[str] = (),
        classes: Sequence[int] = (),
        records: Collection[bytes] | None = None,
        events: Collection[bytes] | None = None,
        skewed: bool = False,
        unmatched: bool = False,
        code: str | None = None,
        most: int = 0,
    ) -> list[Share]:
        """Events that were taken in the period, oldest first; of these types as far as the board's slips are open.

        ``unmatched``: those that name nobody by a strong identifier. ``code``: those that say this of why a case was
        closed. ``most`` 0: without limit.
        """
        c, open_slips = (
            t.shares.c,
            sa.and_(t.slips.c.event_id == t.shares.c.event_id, t.slips.c.state == SlipState.OPEN.value),
        )
        query = sa.select(t.shares, t.slips).select_from(t.shares)
        by_slip = bool(types) or code is not None
        query = query.join(t.slips, open_slips) if by_slip else query.outerjoin(t.slips, open_slips)
        query = query.where(
            c.at_ms >= period.since_ms, c.at_ms < period.until_ms, concerned(c.thread, scope, c.at_ms)
        )
        if by_slip:
            query = query.where(t.slips.c.at_ms >= period.since_ms, t.slips.c.at_ms < period.until_ms)
        if code is not None:
            # Few have any: as an expression the type has no index, along which far more would be read.
            query = query.where(t.slips.c.code == code, sa.func.coalesce(t.slips.c.event_type, "").in_(types))
        elif types:
            query = query.where(t.slips.c.event_type.in_(types))
        if classes:
            query = query.where(c["class"].in_(classes))
        if skewed:
            query = query.where(c.skewed == 1)
        if unmatched:
            query = query.where(c.record.is_(None))
        if most:
            query = query.order_by(t.slips.c.at_ms if by_slip else c.at_ms).limit(most)
        found: list[Share] = []
        for column, wanted in ((c.record, records), (c.event_id, events)):
            if wanted is not None:
                ordered = sorted(wanted)
                for start in range(0, len(ordered), AT_ONCE):
                    some = query.where(column.in_(ordered[start : start + AT_ONCE]))
                    found += [_share(row) for row in self._c.execute(some)]
                break
        else:
            found = [_share(row) for row in self._c.execute(query)]
        # Of an event that is partly in clear and whole in a sealed block, the whole one counts.
        found.sort(key=lambda share: (share.place, share.inner, share.event_id))
        newest = {share.event_id: share for share in found}
        return [share for share in found if newest[share.event_id] is share]

    def copies_of(self, events: Iterable[bytes]) -> list[Copy]:
        """Every reader's copy of these events."""
        wanted = sorted(set(events))
        found: list[Copy] = []
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            query = sa.select(t.copies).where(t.copies.c.event_id.in_(some))
            found += [_copy(row) for row in self._c.execute(query.order_by(*t.copies.primary_key.columns))]
        return found

    def unopened(self, scope: Scope, period: Period, readers: Collection[str], most: int) -> list[Copy]:
        """Copies that these readers were given in the period and have not opened, oldest first."""
        c = t.copies.c
        of_ours = (
            sa.select(sa.literal(1))
            .select_from(t.shares)
            .where(t.shares.c.event_id == c.event_id, concerned(t.shares.c.thread, scope, t.shares.c.at_ms))
            .correlate(t.copies)
            .exists()
        )
        found: list[Copy] = []
        for reader in sorted(readers):
            query = (
                sa.select(t.copies)
                .where(
                    c.reader == reader,
                    c.opened_ms.is_(None),
                    c.given_ms >= period.since_ms,
                    c.given_ms < period.until_ms,
                    of_ours,
                )
                .order_by(c.given_ms)
                .limit(most)
            )
            found += [_copy(row) for row in self._c.execute(query)]
        return sorted(found, key=lambda copy: (copy.given_ms or 0, copy.reader, copy.event_id))[:most]

    def late(self, scope: Scope, period: Period) -> list[Due]:
        """What was overdue in the period."""
        c = t.overdue.c
        query = sa.select(t.overdue).where(
            c.at_ms >= period.since_ms, c.at_ms < period.until_ms, concerned(c.thread, scope, c.at_ms)
        )
        return [Due(row.thread, row.owed, row.due_ms, row.owner, row.at_ms) for row in self._c.execute(query)]

    def tells_why_closed(self) -> bool:
        """Whether any member has ever told this board by code why it closed a case."""
        return (
            self._c.scalar(sa.select(t.slips.c.event_id).where(t.slips.c.code.is_not(None)).limit(1))
            is not None
        )

    def tells_who_was_told(self) -> bool:
        """Whether any member has ever told this board whether somebody was told of a sharing."""
        query = sa.select(t.slips.c.event_id).where(t.slips.c.informed.is_not(None)).limit(1)
        return self._c.scalar(query) is not None

    def tells_of(self, kinds: Sequence[str]) -> bool:
        """Whether any member has ever told this board of such an obligation."""
        query = sa.select(t.obligations.c.id).where(t.obligations.c.kind.in_(kinds)).limit(1)
        return self._c.scalar(query) is not None

    def obligations(self, scope: Scope, kinds: Sequence[str]) -> list[Obligation]:
        """The newest word on each obligation of these kinds, by their beginning."""
        c = t.obligations.c
        # By place: thousands are read for one answer, and by name each column is looked for.
        about = c.member, c.ref, c.record, c.partition, c.number
        said = c.kind, c.opened_ms, c.due_ms, c.met_ms, c.reason
        query = sa.select(*about, *said).where(c.kind.in_(kinds), concerned(c.thread, scope, c.at_ms))
        rows: Sequence[Any] = self._c.execute(query.order_by(c.partition, c.number)).all()
        newest = {(row[0], row[1]): row for row in rows}
        found = [
            Obligation(member, ref, record, Place(partition, number), *words)
            for member, ref, record, partition, number, *words in newest.values()
        ]
        return sorted(found, key=lambda one: (one.opened_ms, one.place))

    def activity(self) -> dict[str, tuple[int | None, int | None]]:
        """By member: when it was heard last, publishing and reading."""
        return {row.member: (row.published_ms, row.read_ms) for row in self._c.execute(sa.select(t.activity))}

    def protected_among(self, records: Collection[bytes]) -> frozenset[bytes]:
        """Which of these records something sensitive was said of, or have a hidden move."""
        ordered = sorted(records)
        found: set[bytes] = set()
        for start in range(0, len(ordered), AT_ONCE):
            some = ordered[start : start + AT_ONCE]
            found |= set(
                self._c.scalars(sa.select(t.protected.c.record).where(t.protected.c.record.in_(some)))
            )
        return frozenset(found)

    def hidden(self, records: Collection[bytes], scope: Scope) -> dict[bytes, frozenset[str]]:
        """By protected record: areas that a board of this scope must not be told of (P7)."""
        found: dict[bytes, set[str]] = {}
        for record in self.protected_among(records):
            about = sorted(self.with_joined({record}))
            moves = sa.select(t.moves.c.to_area).where(t.moves.c.record.in_(about), t.moves.c.withheld == 1)
            sealed = sa.select(t.shares.c.safety).where(t.shares.c.record.in_(about), t.shares.c.sealed == 1)
            areas = {*self._c.scalars(moves), *self._c.scalars(sealed)} - {None} - scope.areas
            found[record] = {area for area in areas if area is not None}
        return {record: frozenset(areas) for record, areas in found.items()}

    def version(self) -> int | None:
        """Which version of the program learnt what is here; None: it did not finish."""
        return self._c.scalar(sa.select(t.projected.c.version))

    def mirrors(self) -> bool:
        """Whether anything has come."""
        return self._c.scalar(sa.select(t.mirror.c.number).limit(1)) is not None

    def dump(self) -> Iterator[str]:
        """Every row that was learnt, in one order."""
        for table in t.PROJECTION:
            yield f"-- {table.name}"
            for row in self._c.execute(sa.select(table).order_by(*table.primary_key.columns)):
                yield "|".join(_text(value) for value in row)


def noticed_by(
    scope: Scope, areas: Collection[str], period: Period, records: Collection[bytes] | None
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Which moves were noticed in a period and are from one of these areas; and which are only to one of them.

    Two conditions, for two queries that give no move twice: each goes along an index.
    """
    c, own = t.moves.c, sorted(areas)
    about = () if records is None else (c.record.in_(sorted(records)),)
    # Its thread concerns its two sides and nobody else: they stand in its row.
    ours = sa.or_(in_areas(c.from_area, scope, c.noticed_ms), in_areas(c.to_area, scope, c.noticed_ms))
    noticed = (c.noticed_ms >= period.since_ms, c.noticed_ms < period.until_ms, ours, *about)
    elsewhere = sa.or_(c.from_area.is_(None), c.from_area.not_in(own))
    return sa.and_(c.from_area.in_(own), *noticed), sa.and_(c.to_area.in_(own), elsewhere, *noticed)


def _move(row: sa.Row[Any]) -> Move:
    # By place: thousands are read for one answer, and by name each column is looked for.
    handover, thread, record, evidence, kind, from_area, to_area, withheld, *rest = tuple(row)
    times, (declines, _, _, last_ms, last_step, last_state) = rest[: len(t.STEPS)], rest[len(t.STEPS) :]
    return Move(
        handover=handover,
        thread=thread,
        record=record,
        evidence=evidence,
        kind=kind,
        from_area=from_area,
        to_area=to_area,
        withheld=bool(withheld),
        steps={step: at_ms for step, at_ms in zip(t.STEPS, times, strict=True) if at_ms is not None},
        declines=declines or 0,
        last_ms=last_ms,
        last_step=last_step,
        last_state=last_state,
    )


def _share(row: sa.Row[Any]) -> Share:
    event_id, partition, number, inner, at_ms, _, event_class, _, author, _, holder, safety, *rest = row[
        :_WIDE
    ]
    record, sealed, skewed = rest
    said = slip_of(row) if row.event_type is not None else None
    return Share(
        event_id=event_id,
        place=Place(partition, number),
        inner=inner,
        at_ms=at_ms,
        event_class=event_class,
        author=author,
        holder=holder,
        safety=safety,
        record=record,
        sealed=bool(sealed),
        skewed=bool(skewed),
        said=said,
    )


def _copy(row: sa.Row[Any]) -> Copy:
    return Copy(
        row.event_id,
        row.reader,
        row.given_ms,
        row.granted_ms,
        row.delivered_ms,
        row.opened_ms,
        row.taken_on_ms,
        row.passed_on_ms,
    )


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)
