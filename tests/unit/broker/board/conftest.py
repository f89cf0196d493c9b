"""These tests have no bus. Where nothing else is said, a board reads one trail and is asked about it."""

from collections.abc import Iterator
from typing import Any

import pytest

from broker.bus.publisher import Outgoing
from tests.support.audit_trail import Trail
from tests.support.board import Board, a_board_of, table
from tests.support.exchange import Exchange, make_exchange
from tests.support.own_trail import unsafe_no_bus
from tests.support.telling import Ask, Telling


@pytest.fixture(autouse=True)
def no_bus() -> Iterator[list[Outgoing]]:
    """What the questions put on the trail."""
    with unsafe_no_bus() as taken:
        yield taken


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """One exchange for the tests of a module."""
    return make_exchange(tmp_path_factory.mktemp("questions"))


@pytest.fixture
def trail() -> Telling:
    """Nothing on it yet."""
    return Telling()


@pytest.fixture
def board(trail: Trail, it: Exchange) -> Iterator[Board]:
    """It has read nothing yet."""
    with a_board_of(trail, it) as board:
        yield board


@pytest.fixture
def ask(board: Board, trail: Trail) -> Ask:
    """Reads the trail, then asks."""

    def run(key: str, **given: Any) -> list[dict[str, Any]]:
        board.reads(trail)
        return table(board.ask(key, **given))

    return run
