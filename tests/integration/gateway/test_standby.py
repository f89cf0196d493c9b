"""A front door's machine is lost while histories are ordered of it: its standby answers, and nothing is doubled."""

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.gateway.api import Gateway
from adapters.gateway.errors import StandbyError
from adapters.gateway.frontdoor.actions import Person
from broker.bus.connection import connect
from broker.bus.publisher import Outgoing, Publisher
from broker.directory.apply import apply
from broker.directory.errors import ChangeRefusedError
from broker.errors import ConfigurationError, UnavailableError
from schemas.wire import InKind
from tests.rig.cast import children
from tests.support.events import CUMBERLAND, Document, a_document
from tests.support.exchange import Exchange, FewPlaces, exchange, settled
from tests.support.processes import HANDRAIL, program
from tests.support.turning import Watch

FEW = 5
WORKER = Person("Rowan Example", "team manager")
LATE = timedelta(minutes=11)


def about(number: str, kind: str, n: int, **more: Any) -> Document:
    return a_document(kind, n=n, subject={"nhs_number": number}, **more)


@contextmanager
def until_killed(home: Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    """A gateway as a process of its own, which ends by SIGKILL."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [HANDRAIL, "gateway", "run", "--home", home], stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        assert process.stdout is not None
        assert "ready" == process.stdout.readline().strip(), log.read_text()
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


async def with_a_standby(it: Exchange, folder: Path) -> Path:
    await asyncio.to_thread(it.issuer().set_standby, it.members["cumberland"], folder)
    await apply(it.layout)
    (folder / "nats" / "url").write_text(it.server.url)
    return folder


async def says(it: Exchange, home: Path) -> None:
    """What lies in an outbox goes to the bus, as the last thing that its machine did."""
    bus = await it.connect("cumberland")
    with Gateway.open(home, places=FewPlaces) as desk, desk.home.store.look() as work:
        rows = work.outbox.waiting(100)
    async with Publisher(bus) as publisher:
        await publisher.publish_batch(
            [Outgoing(row.subject, row.body, row.msg_id) for row in rows], in_order=True
        )


def unanswered(home: Path) -> int:
    with Gateway.open(home, places=FewPlaces) as desk, desk.home.store.look() as work:
        return len(work.inbox.unanswered(desk.home.member_id))


def unsent(home: Path) -> int:
    with Gateway.open(home, places=FewPlaces) as desk, desk.home.store.look() as work:
        return len(work.outbox.waiting(1))


def taken_in_of(home: Path) -> Counter[tuple[InKind, bytes]]:
    with Gateway.open(home, places=FewPlaces) as desk:
        return taken_in(desk)


def taken_in(gateway: Gateway) -> Counter[tuple[InKind, bytes]]:
    items = gateway.inbox(everything=True)
    return Counter((one.kind, one.message_id) for one in items if one.kind in {InKind.VIEW, InKind.GRANTED})


def opened_handovers(home: Path) -> list[str]:
    with Gateway.open(home, places=FewPlaces) as desk:
        return sorted(view.handover.hex() for view in desk.actions.handovers())


async def test_a_standby_answers_for_a_front_door_whose_machine_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    monkeypatch.setattr("broker.wiring.system_clock", watch)
    async with (
        exchange(tmp_path / "exchange") as it,
        it.router(),
        it.gateway("health") as health,
        it.gateway("westmorland") as new,
    ):
        standby = await with_a_standby(it, tmp_path / "standby")
        home, numbers = it.home("cumberland"), children(FEW)
        with program(tmp_path / "standby.log", "gateway", "run", "--home", standby):
            with until_killed(home, tmp_path / "main.log"):
                with it.open("cumberland") as desk:
                    for n, one in enumerate(numbers):
                        more = {"residence": {"gss": CUMBERLAND}, "details": {"plan_ref": f"plan-{n}"}}
                        desk.publish(about(one, "plan.opened", n, **more))
                await settled(lambda: len(taken_in_of(standby)) == FEW)
                for n, one in enumerate(numbers):
                    health.publish(about(one, "move.notified", 50 + n))
                await settled(lambda: len(opened_handovers(home)) == FEW)
                await settled(lambda: opened_handovers(standby) == opened_handovers(home))
            with it.open("cumberland") as desk:
                for handover in opened_handovers(home):
                    desk.actions.release(handover, WORKER)
            await says(it, home)
            home.rename(tmp_path / "lost")

            await settled(lambda: unanswered(standby) == FEW)
            assert not any(view.granted for view in new.actions.handovers())
            watch.ahead = LATE
            await settled(lambda: all(view.verified for view in new.actions.handovers()), within=30)
            assert 0 == unanswered(standby)
            before = taken_in(new)
            assert {1} == set(before.values())

            # The machine comes back after all, and answers what it finds: nobody has anything twice.
            (tmp_path / "lost").rename(home)
            with until_killed(home, tmp_path / "main.log"):
                await settled(lambda: unanswered(home) == 0 and not unsent(home))
                # The main one's answer to this comes after all it says again.
                last = health.publish(about(numbers[0], "appointment.missed", 90))
                await settled(lambda: taken_in(new)[InKind.GRANTED, last.raw] == 1)
            assert taken_in(new) == before + Counter([(InKind.GRANTED, last.raw)])
            shutil.rmtree(home)

        with pytest.raises(StandbyError), Gateway.open(standby, places=FewPlaces) as desk:
            desk.publish(about(numbers[0], "plan.changed", 91))
        done = subprocess.run(
            [HANDRAIL, "gateway", "take-over", "--home", standby, "--by", "Rowan Example, team manager"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (0, "") == (done.returncode, done.stderr)
        with program(tmp_path / "standby.log", "gateway", "run", "--home", standby):
            with Gateway.open(standby, places=FewPlaces) as desk:
                said = desk.publish(
                    about(children(1, after=900)[0], "plan.opened", 92, residence={"gss": CUMBERLAND})
                )
            await settled(lambda: said.raw in {event for _, event in taken_in_of(standby)})


async def test_a_standby_that_was_taken_away_signs_in_no_more(tmp_path: Path) -> None:
    async with exchange(tmp_path / "exchange") as it:
        standby = await with_a_standby(it, tmp_path / "standby")
        with Gateway.open(standby, places=FewPlaces) as desk:
            access = desk.home.access()
        await (await connect(access)).close()
        await asyncio.to_thread(it.issuer().remove_standby, it.members["cumberland"])
        await apply(it.layout)

        with pytest.raises(UnavailableError):
            await connect(access)


async def test_only_a_front_door_has_a_standby_and_no_other_home_is_made_one(tmp_path: Path) -> None:
    async with exchange(tmp_path / "exchange") as it:
        with pytest.raises(ChangeRefusedError):
            it.issuer().set_standby(it.members["school"], tmp_path / "standby")
        with pytest.raises(ConfigurationError):
            it.issuer().set_standby(it.members["cumberland"], it.home("westmorland"))
        first = it.issuer().set_standby(it.members["cumberland"], tmp_path / "standby").directory
        again = it.issuer().set_standby(it.members["cumberland"], tmp_path / "standby").directory

        assert first.version == again.version


async def test_new_keys_reach_a_standby_and_one_that_has_taken_over_stays_what_it_is(tmp_path: Path) -> None:
    async with exchange(tmp_path / "exchange") as it:
        member, standby = it.members["cumberland"], tmp_path / "standby"
        it.issuer().set_standby(member, standby)
        with Gateway.open(standby, places=FewPlaces) as desk:
            desk.home.take_over("Rowan Example, team manager")
        it.issuer().rotate_member(member)
        it.issuer().set_standby(member, standby)

        names = [
            sorted(key.name for key in (home / "keys").iterdir()) for home in (it.home("cumberland"), standby)
        ]
        assert names[0] == names[1]
        with Gateway.open(standby, places=FewPlaces) as desk, pytest.raises(StandbyError):
            desk.home.take_over("Robin Example, team manager")
