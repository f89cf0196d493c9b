"""The board's store: entries in, answers out (``answers``). All but the mirror and the questions can be made again."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.asked import AskedWork
from broker.store.audit.batch import Batch, Writer
from broker.store.audit.facts import Facts
from broker.store.audit.rows import Came, Owing, Place, SealedSlip, SlipState
from broker.store.audit.trees import Trees
from broker.store.engine import open_postgres, open_sqlite, writing

_AT_ONCE: Final = 500
_MANY: Final = 20_000


class Numbered(Protocol):
    """An entry, as far as the store must know it."""

    @property
    def place(self) -> Place:
        """Where it stands on the trail."""


T = TypeVar("T", bound=Numbered)


class AuditWork(Trees, Facts, AskedWork):
    """One transaction. Nothing here depends on the order in which entries come."""

    def __init__(self, connection: sa.Connection, writer: Writer) -> None:
        super().__init__(connection)
        self._writer = writer

    def add(self, entries: Sequence[tuple[T, Came]]) -> list[T]:
        """Keep entries in the mirror; gives those that are new. Another one under a number is a contradiction."""
        fresh: dict[Place, tuple[T, Came]] = {}
        known = self._bodies([entry.place for entry, _ in entries])
        for entry, came in entries:
            place = entry.place
            there = known.get(place)
            if there is None and place in fresh:
                there = fresh[place][1].body
            if there is None:
                fresh[place] = (entry, came)
            elif there != came.body:
                why = f"contradicts entry {place.number} of partition {place.partition}"
                self.add_unread(came.body, why)
        self.mend_holes(fresh)
        rows = (
            {"partition": place.partition, "number": place.number, "leaf": came.index, "body": came.body}
            for place, (_, came) in fresh.items()
        )
        self._writer.put(self._c, t.mirror, rows)
        return [entry for entry, _ in fresh.values()]

    def write(self, batch: Batch) -> None:
        """Write what was learnt."""
        self._writer.write(self._c, batch)

    def add_head(self, size: int, note: str) -> None:
        """Keep a head that counts; the first one of each size."""
        self._writer.put(self._c, t.heads, [{"size": size, "note": note}])

    def add_unread(self, body: bytes, why: str) -> None:
        """Keep what is no entry, once."""
        digest = hashlib.sha256(body).digest()
        self._writer.put(self._c, t.unread, [{"digest": digest, "why": why, "body": body}])

    def keys(self, names: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], bytes]:
        """Slip keys by author and reference, as the vault wrapped them."""
        wanted = sorted(names)
        found: dict[tuple[str, bytes], bytes] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            name = sa.tuple_(t.slip_keys.c.author, t.slip_keys.c.key_ref)
            query = sa.select(t.slip_keys).where(name.in_(wanted[start : start + _AT_ONCE]))
            found |= {(row.author, row.key_ref): row.wrapped for row in self._c.execute(query)}
        return found

    def waiting_for(self, author: str, key_ref: bytes) -> list[SealedSlip]:
        """Slips, of events and of obligations, that wait for this key."""
        waits = SlipState.WAITING.value
        c = t.slips.c
        events = sa.select(t.slips).where(c.author == author, c.key_ref == key_ref, c.state == waits)
        o = t.obligations.c
        owed = sa.select(t.obligations).where(o.member == author, o.key_ref == key_ref, o.state == waits)
        return [
            *(
                SealedSlip(row.event_id, row.author, row.key_ref, row.at_ms, row.body)
                for row in self._c.execute(events).all()
            ),
            *(
                SealedSlip(
                    row.id,
                    row.member,
                    row.key_ref,
                    row.at_ms,
                    row.body,
                    Owing(row.ref, row.thread, row.record, Place(row.partition, row.number)),
                )
                for row in self._c.execute(owed).all()
            ),
        ]

    def slip_came(self, slip: SealedSlip, row: Mapping[str, object]) -> None:
        """A slip that waited is open now, or does not open. What was either before stays so."""
        table, name = (
            (t.slips, t.slips.c.event_id) if slip.about is None else (t.obligations, t.obligations.c.id)
        )
        waits = table.c.state == SlipState.WAITING.value
        self._c.execute(table.update().where(name == slip.event_id, waits).values(**row))

    def forget(self) -> None:
        """Throw away all that was learnt; the mirror stays."""
        for table in (*t.PROJECTION, t.projected):
            self._c.execute(table.delete())

    def learnt_all(self) -> None:
        """The projection is whole, and of this version."""
        self._c.execute(t.projected.delete())
        self._c.execute(t.projected.insert().values(version=t.VERSION))

    def mirrored(self, after: Place, most: int) -> list[Came]:
        """Entries of the mirror beyond a place, in order."""
        return [Came(row.body, row.leaf) for row in self._mirrored(after, most)]

    def _mirrored(self, after: Place, most: int) -> Sequence[sa.Row[Any]]:
        place = sa.tuple_(t.mirror.c.partition, t.mirror.c.number)
        query = (
            sa.select(t.mirror)
            .where(place > sa.tuple_(sa.literal(after.partition), sa.literal(after.number)))
            .order_by(t.mirror.c.partition, t.mirror.c.number)
            .limit(most)
        )
        return self._c.execute(query).all()

    def every_mirrored(self) -> Iterator[Came]:
        """Every entry of the mirror, in order."""
        after = Place(-1, 0)
        while rows := self._mirrored(after, _MANY):
            yield from (Came(row.body, row.leaf) for row in rows)
            after = Place(rows[-1].partition, rows[-1].number)

    def mend_holes(self, places: Iterable[Place]) -> None:
        """Past the newest number a hole may open; below it, the one that a number lay in gets smaller."""
        by_partition: dict[int, set[int]] = {}
        for place in places:
            by_partition.setdefault(place.partition, set()).add(place.number)
        for partition, numbers in by_partition.items():
            self._mend(partition, sorted(numbers))

    def _mend(self, partition: int, numbers: list[int]) -> None:
        newest = self.newest(partition)
        gone, fresh = [], []
        below = [number for number in numbers if number <= newest]
        if below:
            around = sa.and_(t.holes.c.partition == partition, t.holes.c.last >= below[0])
            for row in self._c.execute(sa.select(t.holes).where(around, t.holes.c.first <= below[-1])).all():
                filled = [number for number in below if row.first <= number <= row.last]
                if filled:
                    gone.append(row.first)
                    fresh += _rest(row.first, row.last, filled)
        beyond = [number for number in numbers if number > newest]
        if beyond:
            fresh += _rest(newest + 1, beyond[-1], beyond)
        for first in gone:
            self._c.execute(
                t.holes.delete().where(t.holes.c.partition == partition, t.holes.c.first == first)
            )
        rows = [{"partition": partition, "first": first, "last": last} for first, last in fresh]
        self._writer.put(self._c, t.holes, rows)

    def _bodies(self, places: Sequence[Place]) -> dict[Place, bytes]:
        """What the mirror holds under these places. Numbers beyond the newest are not looked for."""
        newest = {partition: self.newest(partition) for partition in {place.partition for place in places}}
        wanted = sorted(
            {(place.partition, place.number) for place in places if place.number <= newest[place.partition]}
        )
        found: dict[Place, bytes] = {}
        place = sa.tuple_(t.mirror.c.partition, t.mirror.c.number)
        for start in range(0, len(wanted), _AT_ONCE):
            query = sa.select(t.mirror).where(place.in_(wanted[start : start + _AT_ONCE]))
            found |= {Place(row.partition, row.number): row.body for row in self._c.execute(query)}
        return found


def _rest(first: int, last: int, filled: Sequence[int]) -> list[tuple[int, int]]:
    """What of ``first`` to ``last`` is left without the numbers in ``filled``, which ascend."""
    rest = []
    for number in filled:
        if first < number:
            rest.append((first, number - 1))
        first = number + 1
    if first <= last:
        rest.append((first, last))
    return rest


class AuditStore:
    """One board's query store: a file, or a PostgreSQL database by its URL."""

    def __init__(self, where: Path | str) -> None:
        self._engine = (
            open_sqlite(where, "audit") if isinstance(where, Path) else open_postgres(where, "audit")
        )
        self._writer = Writer(self._engine.dialect)
        with self.work() as work:
            if work.version() is None and not work.mirrors():
                work.learnt_all()

    @contextmanager
    def work(self) -> Iterator[AuditWork]:
        """One write transaction. Raises UnavailableError."""
        with writing(self._engine) as connection:
            yield AuditWork(connection, self._writer)

    @property
    def stale(self) -> bool:
        """Whether what was learnt must be learnt again: another version of the program did it, or did not finish."""
        with self.work() as work:
            return work.version() != t.VERSION and work.mirrors()

    def dump(self) -> Iterator[str]:
        """Everything that was learnt, a row a line, in one order: two stores with the same dump are the same."""
        with self.work() as work:
            yield from work.dump()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()
