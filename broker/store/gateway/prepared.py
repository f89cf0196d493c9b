"""Statements that are put into words once and go straight to the driver: what runs for every event.

SQLAlchemy still writes each of them, from the same tables; it only does not do so again for every row, which took ten
times as long as the database itself. What is asked seldom goes through it as usual, in the same transaction.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

_PLAIN: Final = frozenset({str, int, bytes})
_DIALECT: Final = sqlite.dialect(paramstyle="qmark")


def driver(connection: sa.Connection) -> sqlite3.Connection:
    """The driver's own connection, in the transaction that is open on it."""
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection), "a gateway's databases are SQLite"
    return found


class Prepared:
    """One statement. Values are given by name; a value that the statement itself holds need not be."""

    __slots__ = ("_fixed", "_names", "_text")

    def __init__(self, statement: sa.ClauseElement, *columns: sa.Column[Any]) -> None:
        """``columns`` are those that an INSERT fills."""
        names = [column.name for column in columns] or None
        compiled = statement.compile(dialect=_DIALECT, column_keys=names)
        assert isinstance(compiled, SQLCompiler)
        self._text = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._fixed = {name: value for name, value in compiled.params.items() if type(value) in _PLAIN}

    @property
    def wording(self) -> tuple[str, int]:
        """As the driver gets it, and how many values it takes."""
        return self._text, len(self._names)

    def run(self, connection: sqlite3.Connection, **values: Any) -> sqlite3.Cursor:
        """Carry it out."""
        return connection.execute(self._text, self._row(values))

    def one(self, connection: sqlite3.Connection, **values: Any) -> Any:
        """The first row, or None."""
        return connection.execute(self._text, self._row(values)).fetchone()

    def all(self, connection: sqlite3.Connection, **values: Any) -> list[Any]:
        """All rows."""
        return connection.execute(self._text, self._row(values)).fetchall()

    def many(self, connection: sqlite3.Connection, rows: Iterable[dict[str, Any]]) -> None:
        """Carry it out for each of these."""
        connection.executemany(self._text, (self._row(values) for values in rows))

    def _row(self, values: dict[str, Any]) -> tuple[Any, ...]:
        fixed = self._fixed
        return tuple([values[name] if name in values else fixed[name] for name in self._names])
