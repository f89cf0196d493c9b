"""``handrail status`` on a real exchange: what it says when all is well, and when each thing is not."""

import asyncio
import os
import subprocess

from broker.bus.publisher import Outgoing, Publisher
from broker.clock import system_clock
from broker.operator.cli import as_document
from broker.operator.judging import judge
from broker.operator.lines import Line, Verdict
from broker.operator.situation import look
from tests.integration.operator.conftest import HANDRAIL, Status
from tests.support.events import CHILD, CUMBERLAND, a_document
from tests.support.exchange import Exchange, settled

HERE = {"residence": {"gss": CUMBERLAND}}


def _line(it: Exchange, topic: str) -> Line:
    return next(line for line in judge(look(it.layout, system_clock())) if line.topic == topic)


async def test_all_is_well(it: Exchange, status: Status) -> None:
    async with (
        it.router(),
        it.gateway("health") as health,
        it.gateway("cumberland") as cumberland,
        it.board(),
    ):
        health.publish(a_document("concern.raised", n=1, **HERE))
        await settled(cumberland.inbox)
        await settled(lambda: health.outbox()[0].readers[0].delivered_ms)
        code, lines = await asyncio.to_thread(status, it)

    assert {"OK"} == {line["verdict"] for line in lines.values()}, lines
    assert 0 == code
    assert {"server", "clock", "disk", "stream AUDIT", "router", "to publish", "quarantine"} <= set(lines)
    assert {"deadlines", "orders", "gateways", "members", "directory", "certificates"} <= set(lines)
    assert lines["stream AUDIT"]["facts"]["messages"] > 0
    assert lines["server"]["says"].startswith("up, nats-server 2.")


async def test_a_server_that_is_down_is_said_and_the_rest_is_shown_all_the_same(
    it: Exchange, status: Status
) -> None:
    await it.server.stop()

    code, lines = await asyncio.to_thread(status, it)

    assert 2 == code
    assert ("ACT", "down") == (lines["server"]["verdict"], lines["server"]["says"])
    assert "docs/runbook/server-will-not-start.md" == lines["server"]["page"]
    assert "not measured" in lines["streams"]["says"]
    assert "OK" == lines["directory"]["verdict"]


async def test_a_router_that_does_not_run_is_named_with_what_waits_for_it(
    it: Exchange, status: Status
) -> None:
    async with it.gateway("health") as health:
        health.publish(a_document("concern.raised", n=1, **HERE))
        await settled(lambda: health.outbox()[0].sent_ms)
        code, lines = await asyncio.to_thread(status, it)

    # The month's key for the board goes before the event.
    assert (2, "ACT", "does not run; 2 messages of members wait for it") == (
        code,
        lines["router"]["verdict"],
        lines["router"]["says"],
    )


async def test_what_is_refused_shows_with_its_reason_and_its_age(it: Exchange, status: Status) -> None:
    async with it.router(), Publisher(await it.connect("health")) as publisher:
        junk = Outgoing(f"out.{it.members['health']}.normal.0", b"no message of ours", "junk")
        await publisher.publish(junk)
        await settled(lambda: _line(it, "quarantine").verdict is Verdict.LOOK)
        _, lines = await asyncio.to_thread(status, it)

    assert lines["quarantine"]["says"].startswith("1 message, the oldest for ")
    assert {"malformed": 1} == lines["quarantine"]["facts"]["codes"]
    assert "handrail quarantine list" in lines["quarantine"]["todo"]


async def test_a_member_whose_gateway_is_off_is_named_when_mail_waits(it: Exchange, status: Status) -> None:
    async with it.router(), it.gateway("health") as health:
        health.publish(a_document("concern.raised", n=1, **HERE))
        await settled(lambda: _line(it, "members").facts["unread"])
        code, lines = await asyncio.to_thread(status, it)

    assert 1 == code
    assert it.members["cumberland"] in lines["members"]["facts"]["unread"]
    assert "unread by Example cumberland" in lines["members"]["says"]


async def test_the_status_holds_no_personal_data_and_no_token(it: Exchange) -> None:
    async with it.router(), it.gateway("health") as health, it.gateway("cumberland") as cumberland:
        health.publish(a_document("concern.raised", n=1, **HERE))
        await settled(cumberland.inbox)
        child = next(item.child for item in cumberland.inbox() if item.child)
        told = str(as_document(judge(look(it.layout, system_clock()))))

    for secret in (CHILD, "Rowan", child, "2026-03-01"):
        assert secret not in told


async def test_the_screen_is_for_people(it: Exchange) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [HANDRAIL, "status", "--data", it.layout.data],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "120"},
        )

    done = await asyncio.to_thread(run)

    assert 2 == done.returncode
    screen = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "ACT router does not run; 0 messages of members wait for it" in screen
    assert (
        "-> start it: `systemctl start handrail-router`; see its log [docs/runbook/start-and-stop.md]"
        in screen
    )
    assert "Act now on the lines marked ACT." == screen[-1]
