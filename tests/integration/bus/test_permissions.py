"""What each user of the bus may do, exactly; everything else the real server refuses."""

import json
from collections.abc import Callable
from typing import Final

import pytest
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


async def refused(bus: Bus, sentence: str) -> bool:
    """Whether the server says so within a second."""
    try:
        await settled(lambda: sentence.lower() in str(bus.client.last_error).lower(), within=1.0)
    except AssertionError:
        return False
    return True


async def refused_to_publish(bus: Bus, subject: str) -> bool:
    await bus.client.publish(subject, b"{}", reply=bus.client.new_inbox())
    return await refused(bus, f'permissions violation for publish to "{subject}"')


async def refused_to_listen(bus: Bus, subject: str) -> bool:
    await bus.client.subscribe(subject)
    return await refused(bus, f'permissions violation for subscription to "{subject}"')


async def round_trip(bus: Bus) -> None:
    """What the server had for this connection before, it has delivered."""
    await bus.request("$JS.API.DIRECT.GET.DIRECTORY.directory")


def api_of_everybody() -> list[str]:
    """The server's interface for streams and durables, which only the administrator has."""
    return [
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        f"$JS.API.STREAM.INFO.{OUT}",
        "$JS.API.STREAM.CREATE.MINE",
        f"$JS.API.STREAM.UPDATE.{OUT}",
        f"$JS.API.STREAM.DELETE.{AUDIT}",
        f"$JS.API.STREAM.PURGE.{OUT}",
        f"$JS.API.STREAM.MSG.GET.{OUT}",
        f"$JS.API.STREAM.MSG.DELETE.{AUDIT}",
        f"$JS.API.STREAM.SNAPSHOT.{AUDIT}",
        f"$JS.API.CONSUMER.CREATE.{OUT}",
        f"$JS.API.CONSUMER.DURABLE.CREATE.{OUT}.mine",
        f"$JS.API.CONSUMER.DELETE.{OUT}.{router_durable(Lane.URGENT)}",
        f"$JS.API.CONSUMER.PAUSE.{OUT}.{router_durable(Lane.URGENT)}",
        "$SYS.REQ.SERVER.PING",
    ]


def forbidden_to_a_member(it: Exchange, me: str) -> list[str]:
    other, board = it.members["police"], it.members["board"]
    mine = own_stream(it, me)
    return [
        *(subject for subject in api_of_everybody()),
        f"out.{other}.urgent.0",
        f"out.{it.members[me]}.urgent",
        f"out.{it.members[me]}.urgent.0.1",
        inbox_of(it, me),
        inbox_of(it, "police"),
        "audit.0",
        DIRECTORY,
        f"$JS.API.CONSUMER.MSG.NEXT.{own_stream(it, 'police')}.{other}",
        f"$JS.API.CONSUMER.MSG.NEXT.{OUT}.{router_durable(Lane.URGENT)}",
        f"$JS.API.CONSUMER.MSG.NEXT.{AUDIT}.{audit_durable(board)}",
        f"$JS.ACK.{own_stream(it, 'police')}.{other}.1.1.1.1.0",
        f"$JS.ACK.{OUT}.{router_durable(Lane.URGENT)}.1.1.1.1.0",
        f"$JS.API.CONSUMER.INFO.{mine}.{it.members[me]}",
        f"$JS.API.DIRECT.GET.{mine}",
        f"$JS.API.DIRECT.GET.{AUDIT}",
        f"_INBOX_{other}.x",
        "_INBOX_router.x",
    ]


def forbidden_to_the_router(it: Exchange) -> list[str]:
    board = it.members["board"]
    return [
        *(
            subject
            for subject in api_of_everybody()
            if subject not in {"$JS.API.INFO", f"$JS.API.STREAM.INFO.{OUT}"}
        ),
        out_of(it, "school"),
        DIRECTORY,
        f"$JS.API.CONSUMER.MSG.NEXT.{own_stream(it, 'school')}.{it.members['school']}",
        f"$JS.API.CONSUMER.MSG.NEXT.{AUDIT}.{audit_durable(board)}",
        f"$JS.API.STREAM.MSG.DELETE.{in_stream(0)}",
        f"$JS.API.STREAM.PURGE.{in_stream(0)}",
        f"_INBOX_{board}.x",
    ]


def forbidden_to_the_board(it: Exchange) -> list[str]:
    board = it.members["board"]
    opened = {f"$JS.API.CONSUMER.MSG.NEXT.{AUDIT}.{audit_durable(board)}"}
    return [subject for subject in forbidden_to_a_member(it, "board") if subject not in opened]


@pytest.mark.parametrize(
    ("name", "forbidden"),
    [
        ("school", lambda it: forbidden_to_a_member(it, "school")),
        ("cumberland", lambda it: forbidden_to_a_member(it, "cumberland")),
        ("board", forbidden_to_the_board),
        ("router", forbidden_to_the_router),
    ],
    ids=["school", "front door", "board", "router"],
)
async def test_nobody_may_publish_beyond_his_own(
    it: Exchange, name: str, forbidden: Callable[[Exchange], list[str]]
) -> None:
    admin, bus = await it.connect("admin"), await it.connect(name)
    before = await messages(admin)
    allowed = [subject for subject in forbidden(it) if not await refused_to_publish(bus, subject)]

    assert [] == allowed
    assert before == await messages(admin)


@pytest.mark.parametrize("name", ["school", "board", "router"])
async def test_nobody_may_listen_to_anything_but_his_own_answers(it: Exchange, name: str) -> None:
    bus = await it.connect(name)
    other = it.members["police"]
    subjects = [
        ">",
        "*",
        "out.>",
        "shard.>",
        "audit.>",
        "_INBOX.>",
        f"_INBOX_{other}.>",
        "$JS.>",
        "$SYS.>",
        DIRECTORY,
    ]
    allowed = [subject for subject in subjects if not await refused_to_listen(bus, subject)]

    assert [] == allowed


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
