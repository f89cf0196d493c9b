"""A board's question on its way into the log: a connection for each, or one that is kept.

The question with the least to look up (Q14 of an empty node), from being put to being answered: recorded on the node's disk, then on the
trail of a real server (TLS, on disk), then answered. A command signs in to the bus each time; the board's pages keep one connection. By turns,
so that what else the machine does falls on both; it was busy with other work when this was measured, so compare the two ways, not the times.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from broker.board.node import BoardHome
from broker.board.questions import ask
from broker.clock import system_clock
from tests.support.exchange import exchange

ROUNDS: Final = 5
ASKED: Final = 30


def run() -> list[tuple[str, str]]:
    """Both ways."""
    return asyncio.run(_measured())


async def _measured() -> list[tuple[str, str]]:
    anew: list[float] = []
    kept: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        async with exchange(Path(name)) as it:
            home = BoardHome.open(it.home("board"))
            with home.with_a_line() as lasting:
                for _ in range(ROUNDS):
                    anew += await asyncio.to_thread(_asked, home)
                    kept += await asyncio.to_thread(_asked, lasting)
    ratio = statistics.median(anew) / statistics.median(kept)
    return [
        ("a connection for each question, median", _ms(anew)),
        ("one connection kept, median", _ms(kept)),
        ("ratio of the medians", f"{ratio:.1f}"),
    ]


def _asked(home: BoardHome) -> list[float]:
    store = home.store()
    times = []
    for _ in range(ASKED):
        began = time.perf_counter()
        ask(home, store, "Kit Example", "case audit 2026/14", "Q14", {}, system_clock())
        times.append((time.perf_counter() - began) * 1000)
    store.close()
    return times


def _ms(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} ms, p95 {sorted(times)[len(times) * 95 // 100]:.1f} ms"
