"""A board's pages keep one connection to the bus: used by all who ask, lost and found again, and none answers without it."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from broker.board.node import BoardHome
from broker.board.questions import ask
from broker.board.recording import NotLoggedError
from broker.bus.streams import get_message
from broker.bus.topology import AUDIT
from broker.clock import system_clock
from schemas.audit import AuditEntry
from tests.support.exchange import Exchange, exchange


def _ask(home: BoardHome, times: int = 1) -> None:
    """So many people at once."""
    store = home.store()

    def one(number: int) -> None:
        ask(home, store, f"Kit Example {number}", "case audit 2026/14", "Q14", {}, system_clock())

    try:
        with ThreadPoolExecutor(max_workers=4) as people:
            list(people.map(one, range(times)))
    finally:
        store.close()


def _sign_ins(it: Exchange) -> int:
    """How many connections this server has seen since it started."""
    return int(httpx2.get(f"{it.server.monitor_url}/varz").json()["total_connections"])


async def _numbers(it: Exchange, most: int) -> Sequence[int]:
    """The numbers of the board's entries, in the order of the trail."""
    log = await it.connect("log")
    stored = [await get_message(log, AUDIT, sequence) for sequence in range(1, most + 1)]
    return [AuditEntry.from_bytes(one.data).number for one in stored if one is not None]


async def test_many_who_ask_at_once_use_one_connection(tmp_path: Path) -> None:
    async with exchange(tmp_path) as it:
        with BoardHome.open(it.home("board")).with_a_line() as home:
            await asyncio.to_thread(_ask, home)
            before = _sign_ins(it)
            await asyncio.to_thread(_ask, home, 12)
            after = _sign_ins(it)
        numbers = await _numbers(it, 14)

    assert before == after
    assert list(range(1, 14)) == sorted(numbers)


async def test_a_bus_that_goes_away_ends_the_answers_and_nothing_else(tmp_path: Path) -> None:
    """Killed between two questions: while it is away there is no answer; back, the same pages answer, without a gap."""
    async with exchange(tmp_path) as it:
        url, away = (it.home("board") / "nats" / name for name in ("url", "away"))
        with BoardHome.open(it.home("board")).with_a_line() as home:
            await asyncio.to_thread(_ask, home)
            await it.server.kill()
            url.rename(away)  # or each would wait ten seconds for the bus to come back
            with pytest.raises(NotLoggedError, match="it is not answered"):
                await asyncio.to_thread(_ask, home)
            away.rename(url)
            await it.server.start()
            await asyncio.to_thread(_ask, home, 3)
            store = home.store()
            with store.work() as work:
                assert [] == work.unlogged()
            store.close()
        numbers = await _numbers(it, 6)

    assert [1, 2, 3, 4, 5] == sorted(numbers)


async def test_a_bus_that_has_moved_is_found_where_it_is_now(tmp_path: Path) -> None:
    """Address and certificate are read at each sign-in, not once at the start."""
    async with exchange(tmp_path) as it:
        home = BoardHome.open(it.home("board"))
        url = home.folder / "nats" / "url"
        with home.with_a_line() as kept:
            await asyncio.to_thread(_ask, kept)
            await it.server.kill()
            it.server.url = ""
            await it.server.start()
            assert url.read_text() != it.server.url
            url.write_text(it.server.url)
            await asyncio.to_thread(_ask, kept)
        numbers = await _numbers(it, 3)

    assert [1, 2] == sorted(numbers)
