"""One open transaction: plain writes are kept and made together; what was read stays at hand.

A statement for a thousand rows costs little more than a statement for one. So a batch of events is read for in a few
questions and written down in a few statements, all of them before the commit: nothing kept here outlives it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

T = TypeVar("T")

Rows: TypeAlias = Mapping[str, Any]


class Transaction:
    """What the stores of one ``Work`` share."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._kept: dict[sa.ClauseElement, dict[object, Rows]] = {}
        self._memories: list[dict[Any, Any]] = []
        self._lists: list[list[Any]] = []

    @property
    def now(self) -> sa.Connection:
        """For a statement that is made at once: it finds all that was kept already written."""
        self.write()
        return self._connection

    @property
    def reading(self) -> sa.Connection:
        """For a question about what cannot be among the kept, or is remembered beside it."""
        return self._connection

    def ask(self, statement: sa.ClauseElement, **values: Any) -> list[tuple[Any, ...]]:
        """Make a statement that is asked often at once, as ``now`` does, but straight by the driver: what it answers.

        Its values and columns are numbers, text and bytes, which need no converting.
        """
        self.write()
        text, values_of = _compiled(statement, self._connection.dialect, tuple(values))
        cursor = self._connection.connection.cursor()
        try:
            cursor.execute(text, values_of(values))
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            cursor.close()

    def keep(self, statement: sa.ClauseElement, row: Rows, key: object = None) -> None:
        """Make this write before the next statement that could see it. Of one ``key`` only the last is made."""
        kept = self._kept.setdefault(statement, {})
        kept[len(kept) if key is None else key] = row

    def memory(self) -> dict[Any, Any]:
        """A dict for what was read or is kept; emptied when the rows behind it change in another way."""
        self._memories.append({})
        return self._memories[-1]

    def listing(self, _of: type[T]) -> list[T]:
        """A list of what is done in this transaction; what is undone goes from it."""
        self._lists.append([])
        return self._lists[-1]

    def write(self) -> None:
        """Make all writes that were kept."""
        if not self._kept:
            return
        kept, self._kept = self._kept, {}
        cursor = self._connection.connection.cursor()
        try:
            for statement, rows in kept.items():
                values = list(rows.values())
                text, values_of = _compiled(statement, self._connection.dialect, tuple(values[0]))
                # Straight to the driver: SQLAlchemy would look at each value of each row, for types that we do not have.
                cursor.executemany(text, list(map(values_of, values)))
        finally:
            cursor.close()

    def forget(self) -> None:
        """Rows are about to change behind the memories: they are read again."""
        self.write()
        self._clear()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is written inside is undone if the block raises; the rest of the transaction stands."""
        lengths = [len(done) for done in self._lists]
        try:
            with self.now.begin_nested():
                yield
        except BaseException:
            self._kept.clear()
            self._clear()
            for done, length in zip(self._lists, lengths, strict=True):
                del done[length:]
            raise

    def _clear(self) -> None:
        for memory in self._memories:
            memory.clear()


@lru_cache(maxsize=256)
def _compiled(
    statement: sa.ClauseElement, dialect: sa.Dialect, names: tuple[str, ...]
) -> tuple[str, Callable[[Rows], tuple[Any, ...]]]:
    """A statement as the driver wants it for rows with these names, and what takes the values out in its order."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler)
    assert compiled.positiontup is not None, "the driver takes values by position"
    first, *others = compiled.positiontup
    # Of a single name ``itemgetter`` gives the value itself.
    values_of = itemgetter(first, *others) if others else lambda row: (row[first],)
    own = {name: compiled.params[name] for name in {first, *others} - set(names)}
    return str(compiled), (lambda row: values_of({**own, **row})) if own else values_of
