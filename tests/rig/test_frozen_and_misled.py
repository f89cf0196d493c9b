"""Processes that stand still longer than the bus waits for them, and processes whose clock is wrong."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from adapters.gateway.api import Gateway
from broker.bus.topology import durables
from schemas.wire import InKind
from tests.rig.counting import overtakers
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import Exchange, exchange, settled
from tests.support.processes import program
from tests.support.turning import FAKETIME, Turned

HERE = {"residence": {"gss": CUMBERLAND}}
_ACK_WAIT_S: Final = 1
_DAY_S, _HOUR_S = 86_400, 3_600


def _views(gateway: Gateway) -> list[bytes]:
    return sorted(item.message_id for item in gateway.inbox() if item.kind is InKind.VIEW)


def _publish(gateway: Gateway, numbers: Iterable[int]) -> list[bytes]:
    return [gateway.publish(a_document("concern.raised", n=n, **HERE)).raw for n in numbers]


async def _hurry(it: Exchange) -> None:
    """What a frozen reader holds is given out again after a second, as it would be after the real limit."""
    bus = await it.connect("admin")
    for durable in durables(it.members.values(), [it.members["board"]]):
        config = {**durable.config, "ack_wait": _ACK_WAIT_S * 1_000_000_000}
        body = {"stream_name": durable.stream, "config": config}
        await bus.api(f"CONSUMER.DURABLE.CREATE.{durable.stream}.{durable.name}", body)


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("who", ["router", "gateway", "server"])
async def test_who_stands_still_and_wakes_again_loses_and_doubles_nothing(tmp_path: Path, who: str) -> None:
    """The bus has long given its messages out again when it goes on with what it held."""
    async with exchange(tmp_path) as it, it.gateway("health") as health:
        await _hurry(it)
        data, home = it.layout.data, it.home("cumberland")
        with (
            program(tmp_path / "router.log", "router", "--data", data) as router,
            program(tmp_path / "gateway.log", "gateway", "run", "--home", home) as reader,
            it.open("cumberland") as cumberland,
        ):
            sent = [health.publish(a_document("concern.raised", n=1, **HERE)).raw]
            await settled(lambda: _views(cumberland) == sent)
            sent += _publish(health, range(2, 40))  # some are in its hands when it freezes
            await settled(lambda: len(_views(cumberland)) > 1)
            pid = {"router": router.process.pid, "gateway": reader.process.pid, "server": it.server.pid}[who]
            with _frozen(pid):
                sent += _publish(health, range(40, 50))
                await _stood_for(3.0 * _ACK_WAIT_S)
            await settled(lambda: len(_views(cumberland)) >= len(sent), within=60)

            assert sorted(sent) == _views(cumberland)
            assert [] == overtakers(home)


async def _stood_for(seconds: float) -> None:
    await asyncio.sleep(seconds)  # being frozen for so long is the fault itself


class _Clock:
    """An hour ahead of the machine's, so that an hour back is not before the keys were made; then as far off as asked."""

    def __init__(self) -> None:
        self.off_s = 0

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=_HOUR_S + self.off_s)


def _arrived(gateway: Gateway, sent: list[bytes]) -> bool:
    return _views(gateway) == sorted(sent)


@pytest.mark.parametrize("who", ["router", "gateway"])
async def test_a_clock_that_jumps_a_day_ahead_and_an_hour_back_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """Wherever it jumps, events arrive once each, in order; nothing waits for the right time."""
    turned, right = _Clock(), _Clock()
    # The one place where the router is given its clock.
    monkeypatch.setattr("broker.wiring.system_clock", turned if who == "router" else right)
    reader_s = turned if who == "gateway" else right

    def turn(off_s: int) -> None:
        turned.off_s = off_s

    async with (
        exchange(tmp_path) as it,
        it.gateway("health", clock=right) as health,
        it.router(),
        it.gateway("cumberland", clock=reader_s) as cumberland,
    ):
        await _holds_through_jumps(it, health, cumberland, who, turn)


@pytest.mark.skipif(not FAKETIME, reason="needs libfaketime (Debian: faketime)")
@pytest.mark.parametrize("who", ["router", "gateway"])
async def test_a_process_whose_machine_turns_its_clock_loses_and_doubles_nothing(
    tmp_path: Path, who: str
) -> None:
    """The same with processes of their own: the system's time of one of them jumps while it runs, and nothing tells it."""
    clocks = {name: Turned(tmp_path / name) for name in ("router", "gateway")}
    for clock in clocks.values():
        clock.turn(timedelta(seconds=_HOUR_S))
    async with exchange(tmp_path) as it, it.gateway("health", clock=_Clock()) as health:
        with (
            program(
                tmp_path / "router.log",
                "router",
                "--data",
                it.layout.data,
                env=clocks["router"].environment(),
            ),
            program(
                tmp_path / "gateway.log",
                *("gateway", "run", "--home", it.home("cumberland")),
                env=clocks["gateway"].environment(),
            ),
            it.open("cumberland") as cumberland,
        ):
            await _holds_through_jumps(
                it,
                health,
                cumberland,
                who,
                lambda off_s: clocks[who].turn(timedelta(seconds=_HOUR_S + off_s)),
            )


async def _holds_through_jumps(
    it: Exchange, health: Gateway, cumberland: Gateway, who: str, turn: Callable[[int], None]
) -> None:
    sent: list[bytes] = []
    for jump, off_s in enumerate((0, _DAY_S, -_HOUR_S, 0)):
        turn(off_s)
        sent += _publish(health, range(1 + 5 * jump, 6 + 5 * jump))
        await settled(partial(_arrived, cumberland, sent), within=30)
    await settled(lambda: all(one.readers[0].delivered_ms for one in health.outbox()), within=30)
    skewed = [item.message_id for item in cumberland.inbox() if item.skewed]

    assert [] == overtakers(it.home("cumberland"))
    # To a router an hour behind, its authors' clocks are wrong; it says so and takes the events.
    assert (sorted(sent[10:15]) if who == "router" else []) == sorted(skewed)
