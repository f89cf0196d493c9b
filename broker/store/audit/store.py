"""The board's store: entries in, answers out (``answers``). All but the questions can be made again from the entries."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from broker.store.audit import tables as t
from broker.store.audit.answers import Answers
from broker.store.audit.rows import Asked, EntryRow, Place, SealedSlip, Slip, SlipState
from broker.store.engine import open_sqlite, writing


class AuditWork(Answers):
    """One transaction. Nothing here depends on the order in which entries come."""

    def add(self, row: EntryRow, parties: Iterable[str]) -> bool:
        """Keep an entry; False if it was there. Another entry under the same number is kept as a contradiction."""
        place = row.place
        newest = self.newest(place.partition)
        statement = insert(t.entries).values(
            partition=place.partition,
            number=place.number,
            at_ms=row.at_ms,
            kind=row.kind,
            thread=row.thread,
            event_id=row.event_id,
            actor=row.actor,
            body=row.body,
        )
        if not self._c.execute(statement.on_conflict_do_nothing()).rowcount:
            if self.body_of(place) != row.body:
                self.add_unread(row.body, f"contradicts entry {place.number} of partition {place.partition}")
            return False
        self._mend_holes(place, newest)
        for member in sorted(parties):
            self._c.execute(
                t.parties.insert().values(member=member, partition=place.partition, number=place.number)
            )
        return True

    def add_leaves(self, leaves: Iterable[tuple[int, bytes]]) -> None:
        """Note which entry stands where in the log; a repeat changes nothing, and nothing is ever replaced."""
        rows = [{"index": index, "hash": leaf} for index, leaf in leaves]
        if rows:
            self._c.execute(insert(t.leaves).on_conflict_do_nothing(), rows)

    def add_head(self, size: int, note: str) -> None:
        """Keep a head that counts; the first one of each size."""
        self._c.execute(insert(t.heads).values(size=size, note=note).on_conflict_do_nothing())

    def add_unread(self, body: bytes, why: str) -> None:
        """Keep what is no entry, once."""
        digest = hashlib.sha256(body).digest()
        self._c.execute(insert(t.unread).values(digest=digest, why=why, body=body).on_conflict_do_nothing())

    def thread_concerns(self, thread: bytes, areas: Iterable[str], records: Iterable[bytes]) -> None:
        """An event, order or handover concerns these areas and is about these records."""
        for area in sorted(areas):
            self._put(t.thread_areas, thread=thread, area=area)
        for record in sorted(records):
            self._put(t.thread_records, thread=thread, record=record)

    def thread_within(self, thread: bytes, parent: bytes) -> None:
        """An order concerns whom its handover, or the event that made it necessary, concerns."""
        self._put(t.thread_parents, thread=thread, parent=parent)

    def tokens_lead(self, tokens: Iterable[bytes], record: bytes) -> None:
        """These tokens lead to a record."""
        for token in tokens:
            self._put(t.tokens, token=token, record=record)

    def join(self, record: bytes, other: bytes, place: Place, *, joined: bool) -> None:
        """At this place of the trail two records were made one, or parted again; the newest word counts."""
        fresh = insert(t.links).values(
            record=record, other=other, partition=place.partition, number=place.number, joined=int(joined)
        )
        self._c.execute(
            fresh.on_conflict_do_update(
                index_elements=["record", "other"],
                set_={name: fresh.excluded[name] for name in ("partition", "number", "joined")},
                where=sa.tuple_(t.links.c.partition, t.links.c.number)
                < sa.tuple_(fresh.excluded.partition, fresh.excluded.number),
            )
        )

    def add_key(self, author: str, key_ref: bytes, wrapped: bytes) -> bool:
        """Keep a slip key, as the vault wrapped it; False if there was one."""
        return self._put(t.slip_keys, author=author, key_ref=key_ref, wrapped=wrapped)

    def key(self, author: str, key_ref: bytes) -> bytes | None:
        """A slip key, as the vault wrapped it."""
        return self._c.scalar(
            sa.select(t.slip_keys.c.wrapped).where(
                t.slip_keys.c.author == author, t.slip_keys.c.key_ref == key_ref
            )
        )

    def slip_waits(self, slip: SealedSlip) -> None:
        """Keep a slip whose key has not come."""
        self._slip(slip, SlipState.WAITING)

    def slip_shut(self, slip: SealedSlip) -> None:
        """Keep a slip that does not open."""
        self._slip(slip, SlipState.SHUT)

    def slip_opened(self, slip: SealedSlip, said: Slip) -> None:
        """Keep what a slip says."""
        self._slip(
            slip,
            SlipState.OPEN,
            event_type=said.event_type,
            purpose=said.purpose,
            basis=said.basis,
            occurred_ms=said.occurred_ms,
            recorded_ms=said.recorded_ms,
            case_ref=said.case_ref,
        )

    def waiting_for(self, author: str, key_ref: bytes) -> list[SealedSlip]:
        """Slips that wait for this key."""
        rows = self._c.execute(
            sa.select(t.slips).where(
                t.slips.c.author == author,
                t.slips.c.key_ref == key_ref,
                t.slips.c.state == SlipState.WAITING.value,
            )
        )
        return [SealedSlip(row.event_id, row.author, row.key_ref, row.body) for row in rows.all()]

    def write_down(self, at_ms: int, asker: str, purpose: str, asked: str, shown: int) -> int:
        """Record a question and give its number. Durable when the transaction is; only then may the answer be shown."""
        row = {"at_ms": at_ms, "asker": asker, "purpose": purpose, "asked": asked, "shown": shown}
        statement = t.questions.insert().values(**row).returning(t.questions.c.question)
        return int(self._c.execute(statement).scalar_one())

    def questions(self) -> list[Asked]:
        """Every question put to this node, oldest first."""
        rows = self._c.execute(sa.select(t.questions).order_by(t.questions.c.question)).all()
        return [Asked(row.question, row.at_ms, row.asker, row.purpose, row.asked, row.shown) for row in rows]

    def _slip(self, slip: SealedSlip, state: SlipState, **said: str | int | None) -> None:
        fresh = insert(t.slips).values(
            event_id=slip.event_id,
            author=slip.author,
            key_ref=slip.key_ref,
            state=state.value,
            body=slip.body,
            **said,
        )
        # Only a slip that waits changes: what was opened, or found not to open, stays so.
        self._c.execute(
            fresh.on_conflict_do_update(
                index_elements=["event_id"],
                set_={"state": state.value, **said},
                where=t.slips.c.state == SlipState.WAITING.value,
            )
        )

    def _mend_holes(self, place: Place, newest: int) -> None:
        """Past the newest number a hole may open; below it, the one that this number lay in gets smaller."""
        if place.number > newest:
            if place.number > newest + 1:
                self._hole(place.partition, newest + 1, place.number - 1)
            return
        around = sa.and_(
            t.holes.c.partition == place.partition,
            t.holes.c.first <= place.number,
            t.holes.c.last >= place.number,
        )
        row = self._c.execute(sa.select(t.holes).where(around)).one()
        self._c.execute(t.holes.delete().where(around))
        if row.first < place.number:
            self._hole(place.partition, row.first, place.number - 1)
        if place.number < row.last:
            self._hole(place.partition, place.number + 1, row.last)

    def _hole(self, partition: int, first: int, last: int) -> None:
        self._c.execute(t.holes.insert().values(partition=partition, first=first, last=last))

    def _put(self, table: sa.Table, **values: object) -> bool:
        return bool(self._c.execute(insert(table).values(**values).on_conflict_do_nothing()).rowcount)


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
