"""What each user of the bus may do works; what nobody may do is tried in ``tests/isolation``."""

import json
from typing import Final

from nats.aio.msg import Msg

from broker.bus.connection import Bus
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Puller
from broker.bus.streams import last_message, stream_facts
from broker.bus.subjects import DIRECTORY, OutSubject, shard_of
from broker.bus.topology import (
    AUDIT,
    DEFAULT_SHARDS,
    DIRECTORY_STREAM,
    OUT,
    audit_durable,
    in_stream,
    router_durable,
    shard_subject,
)
from schemas.wire import Lane
from tests.support.exchange import Exchange, settled

_STREAMS: Final = (OUT, AUDIT, DIRECTORY_STREAM, *(in_stream(shard) for shard in range(DEFAULT_SHARDS)))


def own_stream(it: Exchange, name: str) -> str:
    return in_stream(shard_of(it.members[name], DEFAULT_SHARDS))


def out_of(it: Exchange, name: str) -> str:
    return str(OutSubject(it.members[name], Lane.NORMAL, 0))


def inbox_of(it: Exchange, name: str) -> str:
    return shard_subject(it.members[name], DEFAULT_SHARDS)


async def messages(admin: Bus) -> dict[str, int]:
    """How many messages each stream ever took."""
    return {stream: (await stream_facts(admin, stream))["last_seq"] for stream in _STREAMS}


async def round_trip(bus: Bus) -> None:
    """What the server had for this connection before, it has delivered."""
    await bus.request("$JS.API.DIRECT.GET.DIRECTORY.directory")


async def test_a_member_may_send_take_its_own_deliveries_and_read_the_directory(it: Exchange) -> None:
    router, school = await it.connect("router"), await it.connect("school")
    async with (
        Publisher(router) as sends,
        Publisher(school) as asks,
        Puller(school, own_stream(it, "school"), it.members["school"]) as inbox,
        Puller(router, OUT, router_durable(Lane.NORMAL)) as out,
    ):
        await sends.publish(Outgoing(inbox_of(it, "school"), b"to school", "1"))
        await asks.publish(Outgoing(out_of(it, "school"), b"from school", "1"))
        (came,) = await inbox.next_batch()
        (sent,) = await out.next_batch()
        await inbox.ack(came)
        await out.ack(sent)
    admin = await it.connect("admin")

    async def nothing_is_left() -> bool:
        return not (await stream_facts(admin, OUT))["messages"]

    await settled(nothing_is_left)
    stored = await last_message(school, DIRECTORY_STREAM, DIRECTORY)
    assert b"to school" == came.data
    assert (out_of(it, "school"), b"from school") == (sent.subject, sent.data)
    assert stored
    assert it.layout.current.read_bytes() == stored.data


async def test_only_the_board_reads_the_audit_trail(it: Exchange) -> None:
    router, board = await it.connect("router"), await it.connect("board")
    async with (
        Publisher(router) as sends,
        Puller(board, AUDIT, audit_durable(it.members["board"])) as trail,
    ):
        await sends.publish(Outgoing("audit.0", b"entry", "1"))
        (entry,) = await trail.next_batch()
        await trail.ack(entry)

    assert b"entry" == entry.data


async def test_a_chosen_reply_subject_brings_nothing_to_anybody_else(it: Exchange) -> None:
    """Answers to a member's messages stay in the member's own account, whatever reply it writes on them."""
    admin, router = await it.connect("admin"), await it.connect("router")
    police, thief = await it.connect("police"), await it.connect("school")
    stolen: list[Msg] = []

    async def arrived(message: Msg) -> None:
        stolen.append(message)

    for bus, prefix in (
        (router, "_INBOX_router"),
        (police, f"_INBOX_{police.user}"),
        (admin, "_INBOX_admin"),
    ):
        await bus.client.subscribe(f"{prefix}.stolen", cb=arrived)
        await round_trip(bus)
    async with Publisher(router) as sends:
        for number in range(40):
            await sends.publish(Outgoing(inbox_of(it, "school"), b"bait", str(number)))
    before = await messages(admin)
    me = it.members["school"]
    doors = {
        f"$JS.API.CONSUMER.MSG.NEXT.{own_stream(it, 'school')}.{me}": json.dumps(
            {"batch": 1, "no_wait": True}
        ),
        "$JS.API.DIRECT.GET.DIRECTORY.directory": "",
    }
    targets = [
        "_INBOX_router.stolen",
        f"_INBOX_{police.user}.stolen",
        "_INBOX_admin.stolen",
        inbox_of(it, "police"),
        out_of(it, "police"),
        "audit.0",
        DIRECTORY,
        f"$JS.API.STREAM.PURGE.{OUT}",
    ]
    for door, body in doors.items():
        for target in targets:
            await thief.client.publish(door, body.encode(), reply=target)
    # The server answers one user's questions to one stream in their order: this one is answered last.
    for bus in (thief, router, police, admin):
        await round_trip(bus)

    assert [] == stolen
    assert before == await messages(admin)
