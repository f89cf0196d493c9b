"""The board's store: entries in, answers out (``answers``). All but the mirror and the questions can be made again."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

import sqlalchemy as sa

from broker.progress import Progress, quiet
from broker.store.audit import tables as t
from broker.store.audit.asked import AskedWork
from broker.store.audit.bands import BandsTold
from broker.store.audit.batch import Batch, Writer
from broker.store.audit.facts import Facts
from broker.store.audit.rows import Came, Owing, Place, SealedSlip, SlipState
from broker.store.audit.shelves import Moving
from broker.store.audit.tallies import Tallies
from broker.store.audit.trees import Trees
from broker.store.audit.turns import Turns
from broker.store.engine import open_postgres, open_sqlite, took_no_write, writing

_AT_ONCE: Final = 500
_MANY: Final = 20_000
_PRAGMAS: Final = ("cache_size=-65536", "wal_autocheckpoint=16384")
"""Ids are random, so a batch touches pages all over the file: 64 MB of them are kept at hand, and written back together."""
_LAST: Final = (1 << 63) - 1


class Numbered(Protocol):
    """An entry, as far as the store must know it."""

    @property
    def place(self) -> Place:
        """Where it stands on the trail."""


T = TypeVar("T", bound=Numbered)


class AuditWork(Trees, Turns, Tallies, Facts, BandsTold, AskedWork):
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
        rows = [(*place, came.index, came.body) for place, (_, came) in fresh.items()]
        self._writer.add(self._c, t.mirror, rows)
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

    def _mirrored(self, after: Place, last: Place) -> Iterator[list[Came]]:
        """Entries of the mirror beyond a place, up to another, in order; some at a time."""
        place = sa.tuple_(t.mirror.c.partition, t.mirror.c.number)
        until = place <= sa.tuple_(sa.literal(last.partition), sa.literal(last.number))
        while True:
            beyond = place > sa.tuple_(sa.literal(after.partition), sa.literal(after.number))
            query = sa.select(t.mirror).where(beyond, until)
            query = query.order_by(t.mirror.c.partition, t.mirror.c.number).limit(_MANY)
            rows = self._c.execute(query).all()
            if not rows:
                return
            yield [Came(row.body, row.leaf) for row in rows]
            after = Place(rows[-1].partition, rows[-1].number)

    def mirrored(self) -> Iterator[list[Came]]:
        """The whole mirror, in order; some at a time."""
        return self._mirrored(Place(-1, 0), Place(_LAST, _LAST))

    def mirrored_with(self, word: bytes) -> list[bytes]:
        """Entries of the mirror in which these bytes stand somewhere, in order. SQLite only."""
        c = t.mirror.c
        query = sa.select(c.body).where(sa.func.instr(c.body, word) > 0).order_by(c.partition, c.number)
        return list(self._c.scalars(query))

    def newest_mirrored(self) -> list[Place]:
        """The last place of each partition of the mirror, in order."""
        c, partition = t.mirror.c, -1
        found: list[Place] = []
        while True:
            following = self._c.scalar(sa.select(sa.func.min(c.partition)).where(c.partition > partition))
            if following is None:
                return found
            number = self._c.scalar(sa.select(sa.func.max(c.number)).where(c.partition == following))
            found.append(Place(following, int(number or 0)))
            partition = following

    def count_learnt(self) -> int:
        """Of how many entries of the mirror something was learnt."""
        c = t.entries.c
        return int(self._c.scalar(sa.select(sa.func.count()).where(c.inner == 0)) or 0)

    def find_holes(self) -> None:
        """Note which numbers are missing below the newest of each partition, when none were noted."""
        c = t.entries.c
        before = sa.func.lag(c.number, 1, 0).over(partition_by=c.partition, order_by=c.number)
        steps = sa.select(c.partition, c.number, before.label("before")).subquery()
        gaps = sa.select(steps).where(steps.c.number > steps.c.before + 1)
        rows = [(row.partition, row.before + 1, row.number - 1) for row in self._c.execute(gaps)]
        self._writer.add(self._c, t.holes, rows)

    def unlearnt(self) -> Iterator[list[Came]]:
        """Entries of the mirror that stand in what counts as holes, or beyond the newest; some at a time."""
        for hole in self.holes():
            yield from self._mirrored(Place(hole.partition, hole.first - 1), Place(hole.partition, hole.last))
        for newest in self.newest_mirrored():
            yield from self._mirrored(Place(newest.partition, self.newest(newest.partition)), newest)

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
        self.path = where if isinstance(where, Path) else None
        """The file; None for PostgreSQL."""
        self._engine = (
            open_sqlite(where, "audit", _PRAGMAS)
            if isinstance(where, Path)
            else open_postgres(where, "audit")
        )
        self._writer = Writer(self._engine.dialect)
        with self.look() as work:
            fresh = work.version() is None and not work.mirrors()
        if fresh:
            with self.work() as work:
                work.learnt_all()

    @contextmanager
    def work(self) -> Iterator[AuditWork]:
        """One write transaction. Raises UnavailableError."""
        with writing(self._engine) as connection:
            yield AuditWork(connection, self._writer)

    @contextmanager
    def look(self) -> Iterator[AuditWork]:
        """Read alone: whoever writes is not waited for. Raises UnavailableError."""
        with took_no_write(self._engine), self._engine.connect() as connection:
            yield AuditWork(connection.execution_options(reading=True), self._writer)

    @contextmanager
    def moving(self, shelves: Sequence[Path], progress: Progress = quiet) -> Iterator[AuditWork]:
        """One write transaction in which all that was learnt is what lies on these shelves. SQLite only.

        Readers see what was there before until it commits; who wants to write waits. Raises UnavailableError.
        """
        assert self.path is not None
        with took_no_write(self._engine), self._engine.connect() as connection:
            connection.detach()  # its settings are for this alone
            going = Moving(connection, shelves, self.path.parent)
            with connection.begin():
                work = AuditWork(connection, self._writer)
                going.drop_indexes()
                work.forget()
                for done, total in going.move(self._writer):
                    progress(done, total)
                work.add_turns(None)
                for done, total in going.make_indexes():
                    progress(done, total)
                work.find_holes()
                yield work
            going.done()

    @property
    def stale(self) -> bool:
        """Whether what was learnt must be learnt again: another version of the program did it, or did not finish."""
        with self.look() as work:
            return work.version() != t.VERSION and work.mirrors()

    def dump(self) -> Iterator[str]:
        """Everything that was learnt, a row a line, in one order: two stores with the same dump are the same."""
        with self.look() as work:
            yield from work.dump()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()
