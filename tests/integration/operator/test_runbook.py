"""The runbook is run: every ``sh`` block of every page, as it stands, on a real exchange; then the exchange is well."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from broker.bus.connection import Access, connect
from broker.bus.publisher import Outgoing, Publisher
from broker.clock import system_clock
from broker.operator.judging import judge, worst
from broker.operator.lines import Line, Verdict
from broker.operator.situation import look
from broker.store.router.store import RouterStore
from schemas.codes.members import MemberKind
from tests.support.commands import exists
from tests.support.directory import CUMBERLAND
from tests.support.events import CUMBERLAND as HERE
from tests.support.events import a_document
from tests.support.exchange import Exchange, FewPlaces, a_folder_with_room, exchange_of

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = sorted(page for page in (ROOT / "docs" / "runbook").glob("*.md") if page.name != "README.md")
CAST: Final = {
    "cumberland": (MemberKind.SOCIAL_CARE, (CUMBERLAND,)),
    "health": (MemberKind.HEALTH_PROVIDER, (CUMBERLAND,)),
}
_NOBODY_FAILS: Final = """
set -euo pipefail
handrail() { command handrail "$@" || { local code=$?; [ "$1" = status ] && return 0; return $code; }; }
"""
"""The status says by its exit code how things stand; that is no failure of the page."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with an exchange on it, and commands as an operator types them."""

    it: Exchange
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The operator's shell."""
        return {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HANDRAIL_DATA": str(self.it.layout.data),
            "SHIM": str(self.folder / "shim"),
            "PYTHONPATH": str(ROOT),
        }

    def run(self, block: str, **more: str) -> str:
        """Type a block; it must not fail."""
        for there, here in (
            ("/var/lib/handrail-backup", str(self.folder / "backup")),
            ("/var/lib/handrail", str(self.it.layout.data)),
            ("m-abcdefghij", self.it.members["health"]),
            ("KEY", self._newest_key()),
        ):
            block = block.replace(there, here)
        done = subprocess.run(
            ["bash", "-c", _NOBODY_FAILS + block],
            capture_output=True,
            text=True,
            check=False,
            env=self.environment | more,
            timeout=100,
        )
        assert 0 == done.returncode, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _newest_key(self) -> str:
        member = self.it.directory.member(self.it.members["health"])
        assert member is not None
        return next(str(key.key_id) for key in member.keys if key.use.value == "sign" and not key.revoked_at)

    def until(self, condition: Callable[[dict[str, Line]], bool]) -> None:
        """Wait until the status is so."""
        deadline = time.monotonic() + 40
        while not condition(seen := self.status()):
            assert time.monotonic() < deadline, seen
            time.sleep(0.2)

    def status(self) -> dict[str, Line]:
        """The status by topic."""
        return {line.topic: line for line in judge(look(self.it.layout, system_clock()))}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Two members, all parts running, some mail behind them; the pages are run one after the other."""
    with a_folder_with_room(tmp_path_factory.mktemp("machine")) as folder:
        yield from _working(folder)


def _working(folder: Path) -> Iterator[Machine]:
    for name in ("shim", "bin", "backup"):
        (folder / name).mkdir(mode=0o700)
    for name in ("systemctl", "journalctl"):
        program = folder / "bin" / name
        program.write_text(
            f'#!/bin/sh\nexec {sys.executable} {ROOT}/tests/support/systemctl.py {name} "$@"\n'
        )
        program.chmod(0o700)
    machine = Machine(exchange_of(folder, CAST), folder)
    try:
        machine.run("systemctl start handrail-server handrail-router")
        for member in machine.it.members.values():
            machine.run(f"systemctl start handrail-gateway@{member}")
        with machine.it.open("cumberland") as cumberland:
            cumberland.publish(a_document("plan.opened", n=1, residence={"gss": HERE}))
        machine.until(lambda seen: seen["router"].verdict is Verdict.OK)
        yield machine
    finally:
        machine.run("systemctl stop 'handrail-*'")


def _blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def _nothing(_machine: Machine) -> None:
    """This page needs nothing beforehand, or afterwards."""


def _refused_message(machine: Machine) -> None:
    async def put() -> None:
        member = machine.it.members["health"]
        url = json.loads((machine.it.layout.nats / "ports.json").read_text())["url"]
        bus = await connect(Access.in_folder(machine.it.home("health") / "nats", member, url))
        async with Publisher(bus) as publisher:
            await publisher.publish(Outgoing(f"out.{member}.normal.0", b"no message of ours", "junk"))
        await bus.close()

    asyncio.run(put())
    machine.until(lambda seen: seen["quarantine"].facts["count"] == 1)


def _copy_exists(machine: Machine) -> None:
    machine.run(_blocks(ROOT / "docs" / "runbook" / "back-up.md")[0])
    shutil.rmtree(machine.it.layout.history)


def _lost_gateway(machine: Machine) -> None:
    machine.run(f"systemctl stop handrail-gateway@{machine.it.members['health']}")
    for file in machine.it.home("health").glob("gateway.db*"):
        file.unlink()


def _an_event_arrives(machine: Machine, n: int, told: list[str]) -> None:
    with machine.it.open("health", places=FewPlaces) as health, machine.it.open("cumberland") as cumberland:
        event_id = health.publish(a_document("concern.raised", n=n, residence={"gss": HERE}))
        deadline = time.monotonic() + 40
        while event_id.raw not in {item.message_id for item in cumberland.inbox()}:
            assert time.monotonic() < deadline, (health.outbox()[0], told)
            time.sleep(0.1)


def _old_router(machine: Machine) -> None:
    """The router runs on an empty database: older than any copy, and older than an event that it has carried."""
    _an_event_arrives(machine, 99, [])
    machine.run("systemctl stop handrail-router")
    for file in machine.it.layout.router.glob("router.db*"):
        file.unlink()
    RouterStore(machine.it.layout.router / "router.db").close()


def _said_which_page_to_read(machine: Machine) -> None:
    """The router has come up and refused before anybody goes on."""
    log = machine.folder / "shim" / "handrail-router.log"
    deadline = time.monotonic() + 40
    while "behind the bus" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)

    assert "docs/runbook/router-behind-audit.md" in log.read_text()


BEFORE: Final = {
    "quarantine": _refused_message,
    "recover-a-gateway": _lost_gateway,
    "restore": _copy_exists,
    "router-behind-audit": _old_router,
}
BETWEEN: Final = {"router-behind-audit": _said_which_page_to_read}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.stem != "install"], ids=lambda page: page.stem
)
def test_a_page_can_be_followed_and_the_exchange_is_well_afterwards(machine: Machine, page: Path) -> None:
    blocks = _blocks(page)
    BEFORE.get(page.stem, _nothing)(machine)

    told = []
    for block in blocks:
        told.append(machine.run(block))
        BETWEEN.get(page.stem, _nothing)(machine)

    assert any(told)
    machine.until(lambda seen: worst(tuple(seen.values())) < Verdict.ACT)
    machine.until(lambda seen: seen["router"].facts["running"])
    # Not only up: an event still finds its reader.
    _an_event_arrives(machine, 100 + PAGES.index(page), told)


def test_install_makes_an_exchange_with_its_members(machine: Machine, tmp_path: Path) -> None:
    told = [
        machine.run(block, HANDRAIL_DATA=str(tmp_path)) for block in _blocks(ROOT / "docs/runbook/install.md")
    ]

    assert "Good: 3 versions" in told[0]
    assert 2 == len(list((tmp_path / "members").iterdir()))


def test_every_page_is_in_the_index_and_every_link_leads_somewhere() -> None:
    index = (ROOT / "docs" / "runbook" / "README.md").read_text()
    for page in (*PAGES, ROOT / "docs" / "runbook" / "README.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"

    assert [] == [page.name for page in PAGES if f"({page.name})" not in index]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_is_run_by_a_test_and_what_is_not(page: Path) -> None:
    text = page.read_text()
    index = (ROOT / "docs" / "runbook" / "README.md").read_text()
    (run_by,) = re.findall(rf"\({page.name}\) \|[^|]*\| ([^|]+) \|", index)

    assert _blocks(page)
    assert text.count("```text") == text.count("No test runs this block")
    assert ("test" == run_by) == ("No test runs this" not in text)
    assert run_by.startswith("test")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_command_inside_a_sentence_is_one_of_ours(page: Path) -> None:
    """No test runs it there, so it must at least exist, with its options."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)

    named = [shlex.split(command) for command in re.findall(r"`handrail ([a-z][^`]*)`", prose)]

    assert [] == [words for words in named if not exists(words)]
