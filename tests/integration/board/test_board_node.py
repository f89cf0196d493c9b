"""A board's node beside a real exchange: killed, offline, behind a trail with holes; and what the trail may hold."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.gateway.api import Gateway
from adapters.gateway.frontdoor.actions import Person
from broker.audit.reading import Entry, read_entry
from broker.board.node import BoardHome
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.subjects import audit_subject
from broker.bus.topology import AUDIT, durables
from broker.store.audit.rows import Found, SlipState
from broker.store.audit.store import AuditStore
from schemas.audit import EntryKind
from tests.support.audit_trail import as_entry, find
from tests.support.events import CHILD, PUPIL, a_document
from tests.support.exchange import Exchange, exchange, settled

CANARIES = ("Canary Fieldmouse", "12 Canary Lane", "canary-free-text")


def _document(kind: str, **override: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    document = a_document(kind, **({"occurred_at": now, "recorded_at": now} | override))
    del document["id"]
    return document


def _open_plan(front_door: Gateway) -> None:
    subject = {"nhs_number": CHILD, "case_ref": "CC-1"}
    front_door.publish(_document("plan.opened", subject=subject))


def _bodies(home: Path) -> list[bytes]:
    """What a board's node holds, in the order of the trail."""
    store = BoardHome.open(home).store()
    try:
        return [one.row.body for one in find(store)]
    finally:
        store.close()


def _numbers(store: AuditStore) -> tuple[int, int]:
    with store.work() as work:
        return work.count(), work.newest(0)


@contextmanager
def _a_node(it: Exchange) -> Iterator[subprocess.Popen[bytes]]:
    """The board's node as a process of its own, ready."""
    program = Path(sys.executable).with_name("handrail")
    command = [str(program), "board", "run", "--home", str(it.home("board")), "--url", it.server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            assert b"ready\n" == process.stdout.readline()
            yield process
        finally:
            process.kill()


async def _redeliver_soon(it: Exchange) -> None:
    """What a killed node had taken and not acknowledged comes again after a minute; here, after a second."""
    bus = await it.connect("admin")
    durable = durables([], [str(it.members["board"])])[-1]
    body = {"stream_name": durable.stream, "config": durable.config | {"ack_wait": 1_000_000_000}}
    reply = await bus.request(
        f"$JS.API.CONSUMER.DURABLE.CREATE.{durable.stream}.{durable.name}", json.dumps(body).encode()
    )
    assert b"error" not in reply.data


async def test_a_node_that_is_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Kill -9 in the middle of following; entries stay gapless, and each is there once."""
    async with exchange(tmp_path) as it, it.router(), it.gateway("cumberland") as cumberland:
        await _redeliver_soon(it)
        _open_plan(cumberland)
        async with it.gateway("school") as school, it.gateway("health") as health:
            store = BoardHome.open(it.home("board")).store()
            for _round in range(2):
                before = _numbers(store)[0]
                with _a_node(it) as node:
                    for _ in range(10):
                        school.publish(_document("attendance.summary"))
                        health.publish(_document("appointment.missed"))
                    await settled(lambda seen=before: _numbers(store)[0] > seen, within=40)  # type: ignore[misc]  # a loop's value
                    node.send_signal(signal.SIGKILL)
                    node.wait()
            with _a_node(it):
                await settled(lambda: len(_taken(store)) == 1 + 2 * 20, within=40)
                await settled(lambda: len(_receipts(store)) >= 1 + 2 * 20, within=40)
            count, newest = _numbers(store)
            with store.work() as work:
                holes, unread = work.holes(), work.unread()
            states = {one.slip_state for one in _taken(store)}
            store.close()

    assert ([], []) == (holes, unread)
    assert count == newest
    assert {SlipState.OPEN} == states


def _taken(store: AuditStore) -> list[Found]:
    return find(store, kinds=(EntryKind.TAKEN.value,))


def _receipts(store: AuditStore) -> list[Found]:
    return find(store, kinds=(EntryKind.RECEIPT.value,))


async def test_a_node_that_was_offline_for_the_whole_time_catches_up(tmp_path: Path) -> None:
    """Four members write; the board's node comes last, and reads what kind of thing each of them shared."""
    async with exchange(tmp_path) as it:
        async with (
            it.router(),
            it.gateway("cumberland") as cumberland,
            it.gateway("westmorland") as westmorland,
        ):
            _open_plan(cumberland)
            await settled(cumberland.inbox)
            with it.open("school") as school, it.open("police") as police:
                school.publish(_document("attendance.summary"))
                police.publish(_document("concern.raised", n=5))
            async with it.gateway("school"), it.gateway("police"):
                await settled(lambda: len(cumberland.inbox()) == 3)
            cumberland.publish(_document("move.notified"))
            item = (await settled(westmorland.inbox))[0]
            westmorland.read(item.number, role="duty social worker")
            westmorland.take_on(item.number, by="Rowan Example, duty social worker")
            await settled(lambda: any(reader.taken_on_ms for reader in cumberland.outbox()[0].readers))
        async with it.board() as store:
            await settled(lambda: any(one.row.actor for one in _said(store, 3)))
            kinds = [one.slip.event_type for one in _taken(store) if one.slip]
            count, newest = _numbers(store)

    assert ["plan.opened", "move.notified"] == [kinds[0], kinds[-1]]
    assert {"attendance.summary", "concern.raised"} == set(kinds[1:-1])
    assert count == newest


def _said(store: AuditStore, receipt: int) -> list[Found]:
    return [one for one in _receipts(store) if _read(one).number_of("receipt") == receipt]


def _read(found: Found) -> Entry:
    return read_entry(found.row.body)


async def test_a_hole_in_the_trail_is_named_to_whoever_asks(tmp_path: Path) -> None:
    """The operator's own hand writes entries 1 and 4: the auditor is told that 2 and 3 are missing."""
    async with exchange(tmp_path) as it:
        bus = await it.connect("router")
        async with Publisher(bus) as publisher, it.board() as store:
            fields = {"member": str(it.members["school"]), "code": "forged", "verified": False}
            await publisher.publish_batch(
                [
                    Outgoing(audit_subject(0), as_entry(n, EntryKind.REFUSED, fields), f"by-hand.{n}")
                    for n in (1, 4)
                ]
            )
            await settled(lambda: _numbers(store) == (2, 4))
        shown = _asked(it.home("board"))
        document = json.loads(_asked(it.home("board"), "--json"))

    assert "2 entries have not reached this node (number 2 to 3)" in " ".join(shown.split())
    assert (2, [[0, 2, 3]]) == (document["missing_entries"], document["missing"])
    assert [1, 4] == [entry["number"] for entry in document["entries"]]


def _asked(home: Path, *more: str) -> str:
    program = Path(sys.executable).with_name("handrail")
    command = [str(program), "audit", "list", "--home", str(home), "--purpose", "a test", *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def test_nothing_about_a_routine_event_reaches_the_board(tmp_path: Path) -> None:
    """P12: with no matter open, the trail has not one entry about the event, its readers or their receipts."""
    async with exchange(tmp_path) as it, it.router(), it.gateway("school") as school, it.board() as store:
        async with it.gateway("cumberland") as cumberland:
            school.publish(_document("attendance.summary"))
            routine = (await settled(cumberland.inbox))[0]
            cumberland.read(routine.number, role="duty social worker")
            await settled(lambda: any(reader.opened_ms for reader in school.outbox()[0].readers))
            _open_plan(
                cumberland
            )  # what is about a matter does arrive: the silence before is not a dead line
            await settled(lambda: _taken(store))
        kinds = [_read(one) for one in find(store)]
        count, newest = _numbers(store)

    assert {cumberland.outbox()[0].event_id.raw} == {
        event for entry in kinds if (event := entry.bytes_of("event")) is not None
    }
    assert count == newest
    assert routine.message_id not in b"".join(_bodies(it.home("board")))


async def test_the_trail_holds_no_word_of_what_was_written(tmp_path: Path) -> None:
    """P3: every stored byte of AUDIT is searched for what authors wrote, and for what kind of thing it was."""
    async with (
        exchange(tmp_path) as it,
        it.router(),
        it.gateway("cumberland") as cumberland,
        it.gateway("school") as school,
        it.board() as store,
    ):
        cumberland.publish(
            _document(
                "plan.opened",
                subject={"nhs_number": CHILD, "case_ref": "CANARY-REF-1"},
                details={"manager": {"name": CANARIES[0], "role": CANARIES[1], "agency": CANARIES[2]}},
            )
        )
        await settled(cumberland.inbox)
        school.publish(_document("attendance.summary", subject={"nhs_number": CHILD, "upn": PUPIL}))
        await settled(lambda: len(cumberland.inbox()) == 2)
        await settled(lambda: len(_receipts(store)) >= 2)
        read = [one.slip.event_type for one in _taken(store) if one.slip]
        streams = [path for path in it.layout.data.rglob("*") if path.is_file() and AUDIT in path.parts]
        stored = b"".join(path.read_bytes() for path in streams)

    words = [
        *CANARIES,
        "CANARY-REF-1",
        CHILD,
        PUPIL,
        "attendance",
        "plan.opened",
        "promote_welfare",
        "plan-1",
    ]
    assert ["plan.opened", "attendance.summary"] == read
    assert b"taken" in stored, "the search looks at the right files"
    assert [] == [word for word in words if word.lower().encode() in stored.lower()]


async def test_a_question_by_pupil_number_follows_a_link_and_its_undoing(tmp_path: Path) -> None:
    """The school writes by UPN, health by NHS number; a named person joins the two, and parts them again."""
    identities = [{"nhs_number": CHILD}, {"upn": PUPIL}]
    rowan = Person("Rowan Example", "social worker")
    async with (
        exchange(tmp_path) as it,
        it.router(),
        it.gateway("cumberland") as cumberland,
        it.gateway("health") as health,
        it.gateway("school") as school,
        it.board() as store,
    ):
        _open_plan(cumberland)
        await settled(cumberland.inbox)
        link = cumberland.actions.link(identities, rowan, "Birth certificate seen.", "official_document")
        await settled(lambda: find(store, kinds=(EntryKind.LINKED.value,)))
        school.publish(_document("attendance.summary", subject={"upn": PUPIL}))
        health.publish(_document("appointment.missed"))
        await settled(lambda: len(_taken(store)) == 4, what="plan, link, absence, missed appointment")
        joined = [_types(it, *by) for by in (("--nhs", CHILD), ("--upn", PUPIL))]
        cumberland.actions.unlink(identities, rowan, "Another child's certificate.", str(link))
        await settled(lambda: find(store, kinds=(EntryKind.UNLINKED.value,)))
        await settled(lambda: len(_taken(store)) == 5)
        parted = [_types(it, *by) for by in (("--nhs", CHILD), ("--upn", PUPIL))]

    both = ["appointment.missed", "attendance.summary", "identity.linked", "plan.opened"]
    assert [both, both] == joined
    assert "attendance.summary" not in parted[0]
    assert {"plan.opened", "appointment.missed"} <= set(parted[0])
    assert "attendance.summary" in parted[1]
    assert not {"plan.opened", "appointment.missed"} & set(parted[1])


def _types(it: Exchange, *by: str) -> list[str]:
    entries = json.loads(_asked(it.home("board"), *by, "--kind", "taken", "--json"))["entries"]
    return sorted(entry["slip"]["type"] for entry in entries)
