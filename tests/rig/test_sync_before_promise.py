"""No promise goes out before what it promises is on disk: seen in the system calls of server, router and gateway.

Each is looked at twice: as it is, and with its syncs turned off, which the same look must notice.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from broker.bus.publisher import Outgoing, Publisher
from broker.bus.subjects import OutSubject
from broker.directory.apply import write_urls
from schemas.wire import Lane
from tests.rig.counting import reading
from tests.rig.tracing import promised_wet, steps, traced, why_not
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import Exchange, exchange, make_exchange, settled

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

MANY: Final = 5
_REST_S: Final = 0.2
_UNSYNCED: Final = """
import broker.store.engine as engine
engine._PRAGMAS = tuple(each.replace("synchronous=FULL", "synchronous=OFF") for each in engine._PRAGMAS)
"""
_HANDRAIL: Final = "from broker.cli import main; main(prog_name='handrail')"
_AUTHOR: Final = """
import json, sys
from adapters.gateway.api import Gateway
from tests.support.exchange import FewPlaces
with Gateway.open(sys.argv[1], places=FewPlaces) as gateway:
    print("ready", flush=True)
    for line in sys.stdin:
        gateway.publish(json.loads(line))
        print("accepted", flush=True)
"""
SYNCED: Final = pytest.mark.parametrize("synced", [True, False], ids=["as it is", "syncs turned off"])


@contextmanager
def _program(code: str, *arguments: str | Path, synced: bool) -> Iterator[subprocess.Popen[str]]:
    """A process of ours, ready; without its syncs if asked."""
    command = [sys.executable, "-c", code if synced else _UNSYNCED + code, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "ready" == process.stdout.readline().strip()
        yield process
        process.terminate()


def _judge(found: tuple[int, int], *, synced: bool) -> None:
    kept, early = found
    assert kept + early >= MANY
    if synced:
        assert 0 == early
    else:
        assert 0 == kept


@SYNCED
async def test_the_server_acknowledges_a_message_only_when_its_file_is_synced(
    tmp_path: Path, synced: bool
) -> None:
    """One message at a time; the server's first word after each write is its acknowledgement."""
    it = await asyncio.to_thread(make_exchange, tmp_path)
    if not synced:
        text = it.layout.configuration.read_text()
        it.layout.configuration.write_text(text.replace("sync_interval: always", 'sync_interval: "2m"'))
    try:
        await it.server.start()
        write_urls(it.layout, it.server.url)
        subject = str(OutSubject(it.members["health"], Lane.NORMAL, 0))
        async with Publisher(await it.connect("health")) as publisher:
            with traced(it.server.pid, tmp_path / "trace"):
                for number in range(MANY):
                    await publisher.publish(Outgoing(subject, b"x" * 500, f"{number}"))
    finally:
        await it.close()

    _judge(promised_wet(steps(tmp_path / "trace"), "streams/OUT/msgs/1.blk"), synced=synced)


@SYNCED
async def test_the_router_acknowledges_only_what_it_has_committed_to_disk(
    tmp_path: Path, synced: bool
) -> None:
    """One event at a time, each after a rest: the first thing sent after the commit is the acknowledgement."""
    async with exchange(tmp_path) as it, it.gateway("health") as health:
        with (
            _program(_HANDRAIL, "router", "--data", it.layout.data, synced=synced) as router,
            traced(router.pid, tmp_path / "trace"),
        ):
            for number in range(1, MANY + 2):  # the first one brings the key for the board's slips along
                health.publish(a_document("concern.raised", n=number, residence={"gss": CUMBERLAND}))
                await settled(lambda number=number: _routed(it) == number)  # type: ignore[misc]
                await asyncio.sleep(
                    2 * _REST_S
                )  # a rest is what the look needs to tell one event from the next

    _judge(promised_wet(steps(tmp_path / "trace"), "router.db-wal", rest_s=_REST_S), synced=synced)


@SYNCED
async def test_the_gateway_accepts_an_event_only_when_it_is_on_disk(tmp_path: Path, synced: bool) -> None:
    """``publish`` returns after the sync of the outbox."""
    it = await asyncio.to_thread(make_exchange, tmp_path)
    with _program(_AUTHOR, it.home("health"), synced=synced) as author:
        assert author.stdin is not None
        assert author.stdout is not None
        with traced(author.pid, tmp_path / "trace"):
            for number in range(1, MANY + 1):
                document = a_document("concern.raised", n=number, residence={"gss": CUMBERLAND})
                print(json.dumps(document), file=author.stdin, flush=True)
                assert "accepted" == author.stdout.readline().strip()

    _judge(promised_wet(steps(tmp_path / "trace"), "gateway.db-wal", "accepted"), synced=synced)


@SYNCED
async def test_the_gateway_acknowledges_a_delivery_only_when_custody_and_ledger_are_on_disk(
    tmp_path: Path, synced: bool
) -> None:
    """Whatever its loop sends first after a write is after the sync. Clocks are kept in a thread beside it."""
    async with exchange(tmp_path) as it, it.router(), it.gateway("health") as health:
        with (
            _program(_HANDRAIL, "gateway", "run", "--home", it.home("cumberland"), synced=synced) as reader,
            traced(reader.pid, tmp_path / "trace"),
        ):
            for number in range(1, MANY + 1):
                health.publish(a_document("concern.raised", n=number, residence={"gss": CUMBERLAND}))
                await settled(lambda number=number: _applied(it) >= number)  # type: ignore[misc]
                await settled(lambda: all(one.readers[0].delivered_ms for one in health.outbox()))

    trace = [step for step in steps(tmp_path / "trace") if step.thread == reader.pid]
    for file in ("custody.db-wal", "gateway.db-wal"):
        _judge(promised_wet(trace, file), synced=synced)


def _routed(it: Exchange) -> int:
    with reading(it.layout.router / "router.db") as state:
        return int(
            state.execute(
                "SELECT COUNT(*) FROM sent WHERE reader = ?", (it.members["cumberland"],)
            ).fetchone()[0]
        )


def _applied(it: Exchange) -> int:
    with reading(it.home("cumberland") / "gateway.db") as ledger:
        return int(ledger.execute("SELECT COUNT(*) FROM inbox WHERE state = 'applied'").fetchone()[0])
