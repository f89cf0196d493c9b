"""A change reaches an exchange that runs: a real server lets newcomers in and members that left out."""

import contextlib
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.bus.connection import Access, connect
from broker.bus.server import EmbeddedServer
from broker.bus.streams import last_message
from broker.bus.subjects import DIRECTORY
from broker.bus.topology import DIRECTORY_STREAM
from broker.crypto.directories import reopen_directory
from broker.directory.apply import apply, live_server
from broker.directory.issue import Issuer, NewMember
from broker.directory.layout import Layout
from broker.directory.places import area_entry
from broker.errors import UnavailableError
from schemas.codes.members import MemberKind
from schemas.default_policy import default_policy
from schemas.directory import Governance


def issuer(layout: Layout) -> Issuer:
    return Issuer(layout=layout, now=datetime.now(UTC).replace(microsecond=0), entropy=os.urandom)


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Layout]:
    layout = Layout(tmp_path / "exchange")
    papers = Governance(impact_assessment="x", policy_document="x", sharing_agreement="x")
    issuer(layout).init(default_policy(), papers, roots=1, threshold=1)
    server = EmbeddedServer(layout.configuration)
    await server.start()
    try:
        await apply(layout)
        yield layout
    finally:
        await server.stop()


async def test_a_newcomer_can_sign_in_and_read_the_directory_at_once(live: Layout) -> None:
    changed, member = issuer(live).add_member(
        NewMember(kind=MemberKind.BOARD, name="Example", areas=(area_entry("E06000063"),))
    )
    done = await apply(live)
    home = live.home(member)
    bus = await connect(Access.in_folder(home / "nats", member, (home / "nats" / "url").read_text()))
    stored = await last_message(bus, DIRECTORY_STREAM, DIRECTORY)
    await bus.close()

    assert "directory 2 published" in done
    assert stored
    assert reopen_directory(stored.data) == changed.directory
    assert any(line.startswith("durable AUDIT") for line in done)


async def test_a_member_that_is_put_out_is_cut_off_at_once(live: Layout) -> None:
    _, member = issuer(live).add_member(
        NewMember(kind=MemberKind.SCHOOL, name="Example", areas=(area_entry("E06000063"),))
    )
    await apply(live)
    home = live.home(member)
    access = Access.in_folder(home / "nats", member, (home / "nats" / "url").read_text())
    bus = await connect(access)
    before = bus.connected
    issuer(live).revoke_member(member, "taken over")
    await apply(live)

    with pytest.raises(UnavailableError):
        await bus.request("$JS.API.DIRECT.GET.DIRECTORY.directory", timeout=2.0)
    with contextlib.suppress(OSError):  # the server has hung up already
        await bus.close()

    assert before
    with pytest.raises(UnavailableError):
        await connect(access, attempts_for=1.0)


async def test_applying_twice_changes_nothing(live: Layout) -> None:
    again = await apply(live)

    assert ("server reloaded", "directory 1 published") == again


def test_where_nothing_runs_nothing_is_done(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert live_server(layout) is None
    layout.nats.mkdir()
    (layout.nats / "ports.json").write_text(
        json.dumps({"url": "tls://x", "monitor": "http://x", "pid": os.getpid()})
    )

    assert live_server(layout) is None, "another process took the number"
