"""The log's hashes as the board keeps them: leaves, and every eighth level above, so that a proof reads few rows."""

from collections.abc import Generator, Iterable
from typing import Any, Final

import sqlalchemy as sa

from broker.crypto.tree import perfect_root
from broker.store.audit import tables as t
from broker.store.audit.answers import AT_ONCE, Answers
from broker.store.audit.batch import Writer
from broker.store.audit.rows import Place

_STEP: Final = 8
_WIDTH: Final = 1 << _STEP
_AT_A_TIME: Final = 10_000


class Trees(Answers):
    """Leaves and nodes inside one transaction."""

    _writer: Writer

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection)
        self._tiles: dict[tuple[int, int], dict[int, bytes]] = {}

    def add_leaves(self, leaves: Iterable[tuple[int, bytes]]) -> None:
        """Note which entry stands where in the log; a repeat changes nothing, and nothing is ever replaced."""
        came = list(leaves)
        self._tiles.clear()
        self._writer.add(self._c, t.leaves, came)
        touched = {index >> _STEP for index, _ in came}
        level = _STEP
        while touched:
            done: dict[int, bytes] = {}
            for index in sorted(touched):
                below = self._kept(level - _STEP, index * _WIDTH, _WIDTH)
                if len(below) == _WIDTH:
                    done[index] = perfect_root(list(below.values()))
            rows = [(level, index, node) for index, node in done.items()]
            self._writer.add(self._c, t.nodes, rows)
            level, touched = level + _STEP, {index >> _STEP for index in done}

    def subtree(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree. Raises KeyError where not all of it has come."""
        base = level // _STEP * _STEP
        width = 1 << (level - base)
        first = index * width
        tile = self._tile(base, first >> _STEP)
        try:
            return perfect_root([tile[at] for at in range(first, first + width)])
        except KeyError as error:
            raise KeyError((level, index)) from error

    def _tile(self, level: int, index: int) -> dict[int, bytes]:
        """The 256 hashes of a level that lie together, as far as they have come: read once, since a proof needs many."""
        if (level, index) not in self._tiles:
            self._tiles[level, index] = self._kept(level, index * _WIDTH, _WIDTH)
        return self._tiles[level, index]

    def _kept(self, level: int, first: int, count: int) -> dict[int, bytes]:
        table = t.leaves if level == 0 else t.nodes
        query = sa.select(table.c.index, table.c.hash).where(
            table.c.index >= first, table.c.index < first + count
        )
        if level:
            query = query.where(t.nodes.c.level == level)
        return {row[0]: row[1] for row in self._c.execute(query.order_by(table.c.index))}

    def leaves(self, size: int) -> Generator[bytes]:
        """The first leaves of the log as far as they have come, in order; few are held at a time. Close it."""
        query = sa.select(t.leaves.c.hash).where(t.leaves.c.index < size).order_by(t.leaves.c.index)
        with self._c.execute(query.execution_options(yield_per=_AT_A_TIME)) as rows:
            yield from rows.scalars()

    def entries_and_leaves(self, size: int) -> Generator[tuple[int, bytes, bytes]]:
        """Of each entry in the mirror that stands below ``size`` in the log: where, what came, and the hash kept of it.

        Few are held at a time. Close it.
        """
        here = sa.select(t.mirror.c.leaf, t.mirror.c.body, t.leaves.c.hash)
        query = here.join(t.leaves, t.leaves.c.index == t.mirror.c.leaf).where(t.mirror.c.leaf < size)
        with self._c.execute(query.execution_options(yield_per=_AT_A_TIME)) as rows:
            yield from map(tuple, rows)

    def leaf(self, index: int) -> bytes | None:
        """One leaf, if it has come."""
        return self._kept(0, index, 1).get(index)

    def count_leaves(self) -> int:
        """How many entries of the log have come."""
        return int(self._c.scalar(sa.select(sa.func.count()).select_from(t.leaves)) or 0)

    def first_missing(self, size: int) -> int | None:
        """The first index below ``size`` that has not come."""
        count = sa.select(sa.func.count()).select_from(t.leaves).where(t.leaves.c.index < size)
        if self._c.scalar(count) == size:
            return None
        wanted = 0
        for index in self._c.scalars(
            sa.select(t.leaves.c.index).where(t.leaves.c.index < size).order_by(t.leaves.c.index)
        ):
            if index != wanted:
                break
            wanted += 1
        return wanted

    def indexes_of(self, places: Iterable[Place]) -> dict[Place, int]:
        """Where in the log these entries stand, as far as this node knows."""
        wanted = sorted({(place.partition, place.number) for place in places})
        found: dict[Place, int] = {}
        name = sa.tuple_(t.mirror.c.partition, t.mirror.c.number)
        for start in range(0, len(wanted), AT_ONCE):
            columns: list[sa.ColumnElement[Any]] = [t.mirror.c.partition, t.mirror.c.number, t.mirror.c.leaf]
            query = sa.select(*columns).where(
                name.in_(wanted[start : start + AT_ONCE]), t.mirror.c.leaf.is_not(None)
            )
            found |= {Place(row[0], row[1]): row[2] for row in self._c.execute(query)}
        return found

    def heads(self) -> list[str]:
        """Every head that counted when it came, by size."""
        return list(self._c.scalars(sa.select(t.heads.c.note).order_by(t.heads.c.size)))

    def newest_head(self) -> str | None:
        """The newest head that counts."""
        return self._c.scalar(sa.select(t.heads.c.note).order_by(t.heads.c.size.desc()).limit(1))
