"""A disk is full to the last byte: nothing accepted is lost, who waits says so and what to do, and goes on by itself."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.gateway.api import Gateway
from broker.bus.care import complaint, needs_restart
from broker.errors import UnavailableError
from schemas.wire import InKind
from tests.rig.disks import fill, free, small_disk, why_not
from tests.support.events import CUMBERLAND, Document, a_document
from tests.support.exchange import exchange, make_exchange, settled
from tests.support.processes import HANDRAIL

HERE = {"residence": {"gss": CUMBERLAND}}
MANY = 12
_MEGABYTES = 8


@pytest.fixture(autouse=True)
def _mountable(tmp_path: Path) -> None:
    if why := why_not(tmp_path):
        pytest.skip(why)


def _events(first: int, count: int) -> list[Document]:
    return [a_document("concern.raised", n=n, **HERE) for n in range(first, first + count)]


def _views(gateway: Gateway) -> list[bytes]:
    return sorted(item.message_id for item in gateway.inbox() if item.kind is InKind.VIEW)


async def test_a_router_without_room_leaves_events_on_the_bus_and_goes_on_when_there_is_some(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path) as it:
        with small_disk(it.layout.router, _MEGABYTES) as disk, capture_logs() as said:
            async with it.router(), it.gateway("health") as health, it.gateway("cumberland") as cumberland:
                sent = [health.publish(one).raw for one in _events(1, 2)]
                await settled(lambda: _views(cumberland) == sorted(sent))
                fill(disk)
                sent += [health.publish(one).raw for one in _events(3, MANY)]
                await settled(lambda: any(one["event"] == "batch-not-stored" for one in said), within=30)
                before = _views(cumberland)
                free(disk)
                await settled(lambda: _views(cumberland) == sorted(sent), within=60)

    assert len(before) < len(sent)


async def test_a_gateway_without_room_accepts_nothing_acknowledges_nothing_and_goes_on_when_there_is_some(
    tmp_path: Path,
) -> None:
    """Its author is told what to do; what came for it stays on the bus."""
    async with exchange(tmp_path) as it:
        with small_disk(it.home("cumberland"), _MEGABYTES) as disk, capture_logs() as said:
            async with it.router(), it.gateway("health") as health, it.gateway("cumberland") as cumberland:
                sent = [health.publish(one).raw for one in _events(1, 2)]
                await settled(lambda: _views(cumberland) == sorted(sent))
                fill(disk)
                mine = a_document("voice.recorded", n=100, **HERE)
                with pytest.raises(UnavailableError, match=r"disk that holds .* is full .*Free some space"):
                    for _ in range(MANY):  # what is left in the pages of the log may hold one or two
                        cumberland.publish(a_document("voice.recorded", n=100 + _, **HERE))
                sent += [health.publish(one).raw for one in _events(3, MANY)]
                await settled(lambda: any(one["event"] == "not-stored" for one in said), within=30)
                free(disk)
                last = cumberland.publish(mine)
                sent.append(last.raw)  # a front door keeps its own words about its children in its own inbox
                await settled(lambda: _views(cumberland) == sorted(sent), within=60)
                await settled(lambda: all(one.sent_ms for one in cumberland.outbox()), within=30)

                assert last in [one.event_id for one in cumberland.outbox()]


async def test_a_server_without_room_leaves_events_in_their_outbox_and_is_started_again_when_there_is_some(
    tmp_path: Path,
) -> None:
    """It refuses every write from then on, room or not: `handrail up` ends and starts it as soon as there is room."""
    it = make_exchange(tmp_path)
    said = tmp_path / "up.log"
    with small_disk(it.layout.nats / "store", 64) as disk, said.open("wb") as output:
        up = subprocess.Popen([HANDRAIL, "up", "--data", it.layout.data], stdout=output, stderr=output)  # noqa: ASYNC220
        try:
            await settled(lambda: "exchange is up" in said.read_text(), within=60)
            with it.open("health") as health, it.open("cumberland") as cumberland:
                sent = [health.publish(one).raw for one in _events(1, 2)]
                await settled(lambda: _views(cumberland) == sorted(sent), within=30)
                fill(disk)
                sent += [health.publish(one).raw for one in _events(3, MANY)]
                monitor = json.loads((it.layout.nats / "ports.json").read_text())["monitor"]
                await settled(lambda: asyncio.to_thread(complaint, monitor), within=60)
                without_room = needs_restart(monitor, disk), len(_views(cumberland))
                free(disk)
                await settled(lambda: _views(cumberland) == sorted(sent), within=90)
        finally:
            up.terminate()
            up.wait(60)
    assert not without_room[0]  # it would only fail again
    assert without_room[1] < len(sent)
    assert "\ncare " in said.read_text()
