"""A board at an exchange that does not run, which has read a trail; and questions put to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, cast

from broker.audit.projection import Projection
from broker.board.node import BoardHome
from broker.board.questions import Answer, ask
from broker.store.audit.rows import Asked
from broker.store.audit.store import AuditStore
from broker.wiring import DirectoryFile
from tests.support.audit_trail import Trail
from tests.support.directory import World
from tests.support.exchange import Exchange

ASKED_AT: Final = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)


@dataclass(slots=True)
class Board:
    """Its home and store."""

    home: BoardHome
    store: AuditStore
    projected: Projection | None = None

    def reads(self, trail: Trail) -> None:
        """Take what a trail holds."""
        projection = self.projected or self.home.projection()
        with self.store.work() as work:
            for data in trail.entries:
                projection.take(work, data)

    def ask(
        self,
        key: str,
        *,
        by: str = "Kit Example",
        purpose: str = "case audit 2026/14",
        at: datetime = ASKED_AT,
        **given: Any,
    ) -> Answer:
        """Put one question."""
        typed = {name: str(value) for name, value in given.items()}
        return ask(self.home, self.store, by, purpose, key, typed, at, bytes)

    def questions(self) -> list[Asked]:
        """What was recorded."""
        with self.store.work() as work:
            return work.questions()


@contextmanager
def a_board(it: Exchange, name: str = "board") -> Iterator[Board]:
    """The board of an exchange, with an empty store."""
    home = BoardHome.open(it.home(name))
    (home.folder / "audit.db").unlink(missing_ok=True)
    for rest in home.folder.glob("audit.db-*"):
        rest.unlink()
    store = home.store()
    try:
        yield Board(home, store)
    finally:
        store.close()


@contextmanager
def a_board_of(trail: Trail, it: Exchange, *areas: str) -> Iterator[Board]:
    """The board of a trail's own directory, for these areas alone if any are named; it opens the trail's slips."""
    world = trail.world.having_member("board", areas=areas) if areas else trail.world
    with a_board(it) as board:
        board.home = as_board(board.home, world, cast("DirectoryFile", lambda: world.directory))
        board.projected = trail.projection()
        yield board


def as_board(home: BoardHome, world: World, directory: DirectoryFile) -> BoardHome:
    """A home as that of another directory's board, with its key to sign by."""
    seat = world["board"]
    keyring = replace(home.keyring, signing={seat.sign.key_id: seat.sign})
    return replace(home, board=str(seat.id), directory=directory, keyring=keyring)


def table(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer by the names of their columns."""
    names = [column.name for column in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]
