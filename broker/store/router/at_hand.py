"""What waits for the bus, at hand: whoever publishes it need not read back what was written down a moment ago.

The database stays the truth. Rows are handed over once the transaction that queued them is on disk. What the bus has is
marked here and written down by the next transaction, whichever that is: each commit waits for the disk, and so there is
one a batch instead of three. A crash before that lets those rows go out once more, under the same ids.
"""

import threading
from collections import deque
from collections.abc import Iterable
from typing import Final, Generic, Protocol, TypeVar


class _Row(Protocol):
    @property
    def body(self) -> bytes: ...


Row = TypeVar("Row", bound=_Row)
Mark = TypeVar("Mark")

MOST_BYTES: Final = 32 << 20
"""What is kept of bodies; of more, whoever publishes reads from the database."""


class AtHand(Generic[Row, Mark]):
    """Rows in their order, put here by the thread that writes the database, taken by the one that publishes.

    At first, and whenever more waits than is kept here, it is not whole: then the database must be asked.
    """

    def __init__(self) -> None:
        self._rows: deque[Row] = deque()
        self._bytes = 0
        self._marks: list[Mark] = []
        self._whole = False
        self._lock = threading.Lock()

    def add(self, rows: Iterable[Row]) -> None:
        """These were committed just now."""
        with self._lock:
            if not self._whole:
                return
            for row in rows:
                self._rows.append(row)
                self._bytes += len(row.body)
            if self._bytes > MOST_BYTES:
                self._empty(whole=False)

    def take(self, most: int) -> list[Row] | None:
        """The oldest rows; None where the database must be asked."""
        with self._lock:
            if not self._whole:
                return None
            taken = [self._rows.popleft() for _ in range(min(most, len(self._rows)))]
            self._bytes -= sum(len(row.body) for row in taken)
            return taken

    def caught_up(self) -> None:
        """All that waits was read from the database just now, by the thread that writes it."""
        with self._lock:
            self._empty(whole=True)

    def drop(self) -> None:
        """Something waits that is not here: the database is to be asked."""
        with self._lock:
            self._empty(whole=False)

    def _empty(self, *, whole: bool) -> None:
        self._rows.clear()
        self._bytes, self._whole = 0, whole

    def mark(self, done: Iterable[Mark]) -> None:
        """The bus has these."""
        with self._lock:
            self._marks += done

    def marks(self) -> list[Mark]:
        """What the bus has and the database does not know yet."""
        with self._lock:
            return list(self._marks)

    def written(self, count: int) -> None:
        """The oldest marks are on disk."""
        with self._lock:
            del self._marks[:count]
