"""Rows on their way into the board's store: gathered for many entries, merged, and written with few statements.

Every column has a way of merging that no order of entries changes: what is there stays, the earliest, the latest,
the sum, or all that goes with the newest place on the trail.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from broker.store.audit import tables as t

Table: TypeAlias = sa.Table
Values: TypeAlias = Mapping[str, Any]

_EARLIEST: Final = frozenset(
    {
        "at_ms",
        "given_ms",
        "granted_ms",
        "delivered_ms",
        "opened_ms",
        "taken_on_ms",
        "passed_on_ms",
        *map(t.step_column, t.STEPS),
    }
)
EVENT: Final = b"e"
"""What the thread of an event begins with: it is its author's choice, all else in a thread is the router's."""
_LATEST: Final = frozenset({"published_ms", "read_ms"})
_SUMMED: Final = frozenset({"declines"})
_NEWEST: Final = ("last_partition", "last_number", "last_ms", "last_step", "last_state", "joined")
_LEAST: Final = frozenset(
    {"thread", "record", "evidence", "kind", "from_area", "to_area", "withheld", "owner"}
)
"""What every entry of a thread says alike; should two ever differ, the lesser stands."""
GROWING: Final = (t.copies, t.moves, t.activity, t.overdue, t.told, t.links)
"""Tables whose rows grow; all others are written once and never change."""


@dataclass(slots=True)
class Batch:
    """Rows by table."""

    plain: dict[str, list[tuple[Any, ...]]] = field(
        default_factory=lambda: {table.name: [] for table in t.PROJECTION if table not in GROWING}
    )
    merged: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = field(default_factory=dict)
    copied: dict[tuple[bytes, str], list[Any]] = field(default_factory=dict)
    heard: dict[str, list[Any]] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[sa.Table, list[tuple[Any, ...]]]]:
        """All rows, by table, in the order of its columns; of one table at once or in several pieces."""
        for name, plain in self.plain.items():
            yield t.METADATA.tables[name], plain
        for name, grown in self.merged.items():
            yield t.METADATA.tables[name], [tuple(row.values()) for row in grown.values()]
        yield t.copies, list(map(tuple, self.copied.values()))
        yield t.activity, list(map(tuple, self.heard.values()))

    def events(self) -> set[bytes]:
        """The events whose slips or areas are in it."""
        threads = (row[0] for row in self.plain[t.thread_areas.name])
        found = {thread[1:] for thread in threads if thread[:1] == EVENT}
        return found.union(row[0] for row in self.plain[t.slips.name])

    def put(self, table: sa.Table, **values: Any) -> None:
        """A row that is written once: the first one of its key stays."""
        self.plain[table.name].append(tuple(values[name] for name in _COLUMNS[table.name]))

    def row(self, table: sa.Table, *values: Any) -> None:
        """The same, with the values in the order of the table's columns."""
        self.plain[table.name].append(values)

    def copy(self, event_id: bytes, reader: str, column: int, at_ms: int) -> None:
        """A reader's copy of an event: when something was said of it first. ``column`` counts from the first time."""
        key = event_id, reader
        known = self.copied.get(key)
        if known is None:
            known = self.copied[key] = [event_id, reader, *_NO_TIMES]
        before = known[column + 2]
        if before is None or at_ms < before:
            known[column + 2] = at_ms

    def hear(self, member: str, column: int, at_ms: int) -> None:
        """A member was heard: publishing (0) or reading (1)."""
        known = self.heard.get(member)
        if known is None:
            known = self.heard[member] = [member, None, None]
        before = known[column + 1]
        if before is None or at_ms > before:
            known[column + 1] = at_ms

    def merge(self, table: sa.Table, **values: Any) -> None:
        """A row that grows."""
        key = tuple(values[name] for name in _KEYS[table.name])
        rows = self.merged.setdefault(table.name, {})
        known = rows.get(key)
        if known is None:
            rows[key] = dict.fromkeys(_COLUMNS[table.name]) | values
        else:
            _grow(known, values)


def _grow(known: dict[str, Any], values: Values) -> None:
    if values.get("last_number") is not None and _place(known) < _place(values):
        known.update({name: values.get(name) for name in _NEWEST if name in known})
    for name, value in values.items():
        before = known[name]
        if value is None or name in _NEWEST:
            continue
        if before is None:
            known[name] = value
        elif name in _EARLIEST or name in _LEAST:
            known[name] = min(before, value)
        elif name in _LATEST:
            known[name] = max(before, value)
        elif name in _SUMMED:
            known[name] = before + value


def _place(values: Values) -> tuple[int, int]:
    number = values.get("last_number")
    return (-1, -1) if number is None else (values["last_partition"], number)


_KEYS: Final = {table.name: tuple(c.name for c in table.primary_key.columns) for table in t.PROJECTION}
_COLUMNS: Final = {table.name: tuple(c.name for c in table.columns) for table in t.PROJECTION}
_TIMES: Final = _COLUMNS[t.copies.name][2:]
_NO_TIMES: Final = (None,) * len(_TIMES)


class Writer:
    """Writes batches over one engine's connections; each statement is worked out once."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._insert: Callable[[sa.Table], Any] = (
            postgresql.insert if dialect.name == "postgresql" else sqlite.insert
        )
        self._dialect = dialect
        self._kept: dict[tuple[str, bool], tuple[str, Sequence[str] | None]] = {}

    def write(self, connection: sa.Connection, batch: Batch) -> None:
        """Write all of a batch."""
        for table, rows in batch.rows():
            self.add(connection, table, rows)

    def add(self, connection: sa.Connection, table: sa.Table, rows: list[tuple[Any, ...]]) -> None:
        """Write rows of one table, in the order of its columns; those that are there stay, or grow where the table's rows do."""
        if not rows:
            return
        sql, order = self._statement(table)
        if order is None:
            names = tuple(column.name for column in table.columns)
            connection.exec_driver_sql(sql, [dict(zip(names, row, strict=True)) for row in rows])
        else:
            connection.exec_driver_sql(sql, rows)

    def copy(self, connection: sa.Connection, table: sa.Table, rows: sa.Select[Any]) -> None:
        """Write what a query gives, in the order of the table's columns; rows that are there stay."""
        names = [column.name for column in table.columns]
        statement = self._insert(table).from_select(names, rows)
        if self._dialect.name == "sqlite":
            statement = statement.prefix_with("OR IGNORE")
        else:
            statement = statement.on_conflict_do_nothing()
        connection.execute(statement)

    def put(self, connection: sa.Connection, table: sa.Table, rows: Iterable[Values]) -> None:
        """The same, with rows by the names of columns."""
        sql, order = self._statement(table)
        given = list(rows)
        if not given:
            return
        if order is None:
            connection.exec_driver_sql(sql, [dict(row) for row in given])
        else:
            connection.exec_driver_sql(sql, [tuple(row[name] for name in order) for row in given])

    def _statement(self, table: sa.Table) -> tuple[str, Sequence[str] | None]:
        key = table.name, table in GROWING
        if key not in self._kept:
            statement = self._insert(table)
            statement = _growing(table, statement) if table in GROWING else statement.on_conflict_do_nothing()
            compiled = statement.compile(dialect=self._dialect)
            self._kept[key] = str(compiled), compiled.positiontup
        return self._kept[key]


def _growing(table: sa.Table, statement: Any) -> Any:
    new = statement.excluded
    newer = _newer(table, new) if "last_number" in table.c else None
    changes = {}
    for column in table.columns:
        old, fresh, name = table.c[column.name], new[column.name], column.name
        if name in _EARLIEST or name in _LEAST:
            better = sa.and_(fresh.is_not(None), sa.or_(old.is_(None), fresh < old))
            changes[name] = sa.case((better, fresh), else_=old)
        elif name in _LATEST:
            better = sa.and_(fresh.is_not(None), sa.or_(old.is_(None), fresh > old))
            changes[name] = sa.case((better, fresh), else_=old)
        elif name in _SUMMED:
            changes[name] = sa.case((fresh.is_(None), old), (old.is_(None), fresh), else_=old + fresh)
        elif name in _NEWEST and newer is not None:
            changes[name] = sa.case((newer, fresh), else_=old)
    keys = list(_KEYS[table.name])
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def _newer(table: sa.Table, new: Any) -> sa.ColumnElement[bool]:
    old_place = sa.tuple_(table.c.last_partition, table.c.last_number)
    return sa.and_(
        new.last_number.is_not(None),
        sa.or_(table.c.last_number.is_(None), old_place < sa.tuple_(new.last_partition, new.last_number)),
    )
