"""What the board's questions count: facts, bounded by a scope as everything is. Reads inside one transaction."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from broker.store.audit import tables as t
from broker.store.audit.answers import Answers


class Facts(Answers):
    """Rows for questions. Each is a named tuple as the columns have it."""

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


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)
