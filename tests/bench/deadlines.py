"""What a look at the clock costs the router, and a gateway, when a million deadlines are open.

All of them lie in the router's own table with its own indexes, beside them a tenth as many open orders; none has fallen due.
A tick is the router's whole one: deadlines, quarantine, orders that expire, refusals summed up; in one transaction on
the real database. Beside it, a tick at which two hundred have fallen due (the most that one tick takes); and the same of a
gateway that keeps a million clocks of its own: its look at what has come and is late, and at whom it must tell.
"""

import asyncio
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from adapters.gateway.duties.notifying import Notifying
from broker.clock import system_clock, system_entropy, to_ms
from broker.crypto.keyring import load_keyring
from broker.directory.files import read_current
from broker.routing.desk import RouterKeys
from broker.routing.intake import Batch
from broker.store.router.store import RouterStore
from broker.wiring import RouterHome
from tests.bench.load import make_scene
from tests.support.exchange import make_exchange

_OPEN: Final = 1_000_000
_ROUNDS: Final = 50
_SPREAD_MS: Final = 15 * 86_400_000
"""Due within the next three working weeks, an hour from now at the earliest."""
_HOUR_MS: Final = 3_600_000


def run() -> list[tuple[str, str]]:
    """Ticks with nothing due, then one with as much due as a tick takes."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        scene = make_scene(Path(folder), 3)
        home = RouterHome(scene.layout.router)
        directory = read_current(scene.layout)
        keyring = load_keyring(home.folder / "keys")
        store = RouterStore(home.database)
        batch = Batch(
            store=store,
            keys=RouterKeys(
                keyring.sign_key([key.key_id for key in directory.router.sign_keys]),
                keyring.secret("handles"),
            ),
            routing_keys=keyring.kems,
            is_area=lambda _: True,
            entropy=system_entropy,
        )
        now = system_clock()
        _fill(home.database, now)
        idle = [_timed(lambda: batch.tick(directory, now)) for _ in range(_ROUNDS)]
        busy = _timed(lambda: batch.tick(directory, now + timedelta(days=30)))
        store.close()
        size = home.database.stat().st_size / 2**20
    own_look, own_tell = _gateway()
    return [
        ("open deadlines, and a tenth as many open orders", f"{_OPEN:,} ({size:,.0f} MB)"),
        (
            f"a tick with nothing due, median of {_ROUNDS} (goal at most 50 ms)",
            f"{statistics.median(idle):.2f} ms",
        ),
        ("the slowest of them", f"{max(idle):.2f} ms"),
        ("a tick at which 200 fell due, each told to both ends and audited", f"{busy:.0f} ms"),
        (
            f"a gateway's look at as many clocks of its own, median of {_ROUNDS} (goal at most 50 ms)",
            own_look,
        ),
        ("its look at whom it must tell, of nothing that is due within a day", own_tell),
    ]


def _gateway() -> tuple[str, str]:
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        made = make_exchange(Path(folder))
        with made.open("cumberland") as gateway:
            _fill_clocks(gateway.home.folder / "gateway.db", str(gateway.home.member_id), system_clock())
            looks = [_timed(gateway.clocking.look) for _ in range(_ROUNDS)]
            with Notifying(gateway.home, gateway.publishing) as notifying:
                tells = [_timed(lambda: list(notifying.owed())) for _ in range(_ROUNDS)]
        asyncio.run(made.close())
    return f"{statistics.median(looks):.2f} ms", f"{statistics.median(tells):.2f} ms"


def _fill_clocks(database: Path, owner: str, now: datetime) -> None:
    """Due from two days on, so that nobody need be told of any."""
    first_ms = to_ms(now) + 48 * _HOUR_MS
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(
            "INSERT INTO clocks (about, key, number, owner, area, start_ms, due_ms, reason)"
            " VALUES (?1, 'assessment', 1, ?2, 'E06000063', 0, ?3, '45 working days')",
            ((secrets.token_bytes(16), owner, first_ms + n * _SPREAD_MS // _OPEN) for n in range(_OPEN)),
        )
    connection.close()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def _fill(database: Path, now: datetime) -> None:
    now_ms = to_ms(now)
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for start in range(0, _OPEN, 100_000):
            ids = [secrets.token_bytes(16) for _ in range(100_000)]
            connection.executemany(
                "INSERT INTO deadlines (about, kind, child, owner, due_ms, reason)"
                " VALUES (?1, 'grants', ?1, 'm-nobody', ?2, '10 minutes from the order')",
                ((one, now_ms + _HOUR_MS + (start + n) * _SPREAD_MS // _OPEN) for n, one in enumerate(ids)),
            )
            connection.executemany(
                "INSERT INTO orders (order_id, kind, grantor, reader, child, origin, evidence, state, expires_ms)"
                " VALUES (?1, 1, 'm-a', 'm-b', ?1, ?1, ?1, 'open', ?2)",
                ((one, now_ms + 45 * 86_400_000) for one in ids[:10_000]),
            )
    connection.close()


if __name__ == "__main__":
    for what, measured in run():
        print(f"{what:<80} {measured}")
