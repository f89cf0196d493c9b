"""Every subject of the bus, with whose it is: made from the streams and durables that there are, for whoever is there.

What a party may use is written here once more by hand, from the design: were it read from the rendered configuration,
a right too many would be in both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from broker.bus.render import inbox_prefix
from broker.bus.subjects import (
    DIRECTORY,
    GAP,
    HEAD,
    PARTITIONS,
    PROOF,
    WITNESSED,
    OutSubject,
    asked_subject,
    audit_subject,
    cosign_subject,
    shard_of,
)
from broker.bus.topology import (
    AUDIT,
    COSIGNATURES,
    DEFAULT_SHARDS,
    DIRECTORY_STREAM,
    HEADS,
    LOG,
    OUT,
    audit_durable,
    in_stream,
    router_durable,
    shard_subject,
    streams,
)
from schemas.wire import Lane

ROUTER: Final = "router"


class Deed(StrEnum):
    """What somebody may want to do, in the words of the page."""

    SEND = "send an event as a member"
    DELIVER = "put a delivery into a member's inbox"
    TAKE = "take a member's deliveries"
    ACKNOWLEDGE = "acknowledge a member's deliveries"
    ROUTE = "take, or acknowledge, what waits for the router"
    WRITE_AUDIT = "write an audit entry"
    READ_AUDIT = "take, or acknowledge, a board's audit entries"
    ASK = "write that a board was asked something"
    KEEP_LOG = "take, or acknowledge, what waits for the log"
    WRITE_HEAD = "publish a head of the log"
    COSIGN = "witness a head as a member"
    READ_HEAD = "read the newest heads, ask for a proof"
    PUBLISH_DIRECTORY = "publish a directory"
    READ_DIRECTORY = "read the directory"
    READ_STREAM = "read a stream past its durables"
    DELETE = "delete, purge, snapshot or restore a stream, or a message of it"
    CONFIGURE = "create, change or look at a stream"
    CONSUMERS = "create, delete, pause or look at a durable"
    SERVER = "ask the server about itself, its accounts and connections"
    ANSWER = "answer in somebody's place"


@dataclass(frozen=True, slots=True)
class Door:
    """One subject that somebody may publish to, and those who may: members by name, ``router``, ``log``."""

    deed: Deed
    subject: str
    owners: frozenset[str] = frozenset()


def doors(members: dict[str, Any], boards: frozenset[str]) -> list[Door]:
    """All of them, for an exchange of these members."""
    return [
        *(door for name, member in members.items() for door in _of_member(name, str(member))),
        *(door for name in boards for door in _of_board(name, str(members[name]))),
        *_of_router(),
        *_of_log(frozenset(members)),
        *(door for stream in streams() for door in _of_stream(stream.name)),
        *_of_everybody(frozenset(members)),
    ]


def ears(members: dict[str, Any]) -> list[str]:
    """What somebody may want to listen to, but for their own answers."""
    stored = [subject for stream in streams() for subject in stream.config["subjects"]]
    inboxes = [f"{inbox_prefix(str(user))}.>" for user in (*members.values(), ROUTER, LOG, "admin")]
    return [">", "*", "*.>", "_INBOX.>", "$JS.>", "$JS.EVENT.>", "$SYS.>", PROOF, *stored, *inboxes]


def _of_member(name: str, member: str) -> Iterator[Door]:
    own, routing = frozenset({name}), frozenset({ROUTER})
    stream = in_stream(shard_of(member, DEFAULT_SHARDS))
    for lane in Lane:
        yield Door(Deed.SEND, str(OutSubject(member, lane, 0)), own)
    yield Door(Deed.SEND, f"out.{member}.urgent")
    yield Door(Deed.SEND, f"out.{member}.urgent.0.1")
    yield Door(Deed.DELIVER, shard_subject(member, DEFAULT_SHARDS), routing)
    yield Door(Deed.TAKE, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{member}", own)
    yield Door(Deed.ACKNOWLEDGE, f"$JS.ACK.{stream}.{member}.1.1.1.1.0", own)
    yield from _of_durable(stream, member)
    yield Door(Deed.COSIGN, cosign_subject(member), own)
    yield Door(Deed.ANSWER, f"{inbox_prefix(member)}.x")


def _of_board(name: str, member: str) -> Iterator[Door]:
    durable = audit_durable(member)
    yield Door(Deed.READ_AUDIT, f"$JS.API.CONSUMER.MSG.NEXT.{AUDIT}.{durable}", frozenset({name}))
    yield Door(Deed.READ_AUDIT, f"$JS.ACK.{AUDIT}.{durable}.1.1.1.1.0", frozenset({name}))
    yield Door(Deed.ASK, asked_subject(member), frozenset({name}))
    yield from _of_durable(AUDIT, durable)


def _of_router() -> Iterator[Door]:
    own = frozenset({ROUTER})
    for lane in Lane:
        durable = router_durable(lane)
        yield Door(Deed.ROUTE, f"$JS.API.CONSUMER.MSG.NEXT.{OUT}.{durable}", own)
        yield Door(Deed.ROUTE, f"$JS.ACK.{OUT}.{durable}.1.1.1.1.0", own)
        yield from _of_durable(OUT, durable)
    for partition in range(PARTITIONS):
        yield Door(Deed.WRITE_AUDIT, audit_subject(partition), own)
    yield Door(Deed.READ_STREAM, f"$JS.API.DIRECT.GET.{AUDIT}.{audit_subject(0)}", own)


def _of_log(members: frozenset[str]) -> Iterator[Door]:
    own = frozenset({LOG})
    for stream in (AUDIT, COSIGNATURES):
        yield Door(Deed.KEEP_LOG, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{LOG}", own)
        yield Door(Deed.KEEP_LOG, f"$JS.ACK.{stream}.{LOG}.1.1.1.1.0", own)
        yield from _of_durable(stream, LOG)
    yield Door(Deed.WRITE_AUDIT, GAP, own)
    for subject in (HEAD, WITNESSED):
        yield Door(Deed.WRITE_HEAD, subject, own)
    yield Door(Deed.READ_HEAD, f"$JS.API.DIRECT.GET.{HEADS}.{HEAD}", members | own)
    yield Door(Deed.READ_HEAD, f"$JS.API.DIRECT.GET.{HEADS}.{WITNESSED}", members)
    yield Door(Deed.READ_HEAD, PROOF, members)


def _of_durable(stream: str, durable: str) -> Iterator[Door]:
    for verb in ("INFO", "DELETE", "PAUSE", "DURABLE.CREATE", "LEADER.STEPDOWN", "UNPIN"):
        yield Door(Deed.CONSUMERS, f"$JS.API.CONSUMER.{verb}.{stream}.{durable}")


def _of_stream(stream: str) -> Iterator[Door]:
    routing = frozenset({ROUTER})
    # The router overwrites routine events (P12), finds what it has said, and asks how much waits.
    yield Door(Deed.DELETE, f"$JS.API.STREAM.MSG.DELETE.{stream}", routing if stream == OUT else frozenset())
    for verb in ("DELETE", "PURGE", "SNAPSHOT", "RESTORE"):
        yield Door(Deed.DELETE, f"$JS.API.STREAM.{verb}.{stream}")
    inboxes = {in_stream(shard) for shard in range(DEFAULT_SHARDS)}
    readers = routing | {LOG} if stream == AUDIT else routing if stream in inboxes else frozenset[str]()
    yield Door(Deed.READ_STREAM, f"$JS.API.DIRECT.GET.{stream}", readers)
    yield Door(Deed.READ_STREAM, f"$JS.API.STREAM.MSG.GET.{stream}")
    lookers = routing | {LOG} if stream == AUDIT else routing
    yield Door(Deed.CONFIGURE, f"$JS.API.STREAM.INFO.{stream}", lookers)
    for verb in ("CREATE", "UPDATE", "LEADER.STEPDOWN", "PEER.REMOVE"):
        yield Door(Deed.CONFIGURE, f"$JS.API.STREAM.{verb}.{stream}")
    yield Door(Deed.CONFIGURE, f"$JS.hub.API.STREAM.INFO.{stream}")
    for verb in ("CREATE", "NAMES", "LIST"):
        yield Door(Deed.CONSUMERS, f"$JS.API.CONSUMER.{verb}.{stream}")
    yield Door(Deed.CONSUMERS, f"$JS.API.CONSUMER.CREATE.{stream}.mine.x")
    yield Door(Deed.CONSUMERS, f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.mine")


def _of_everybody(members: frozenset[str]) -> Iterator[Door]:
    yield Door(Deed.PUBLISH_DIRECTORY, DIRECTORY)
    reading = f"$JS.API.DIRECT.GET.{DIRECTORY_STREAM}.{DIRECTORY}"
    yield Door(Deed.READ_DIRECTORY, reading, members | {ROUTER})
    yield Door(Deed.SERVER, "$JS.API.INFO", frozenset({ROUTER}))
    for subject in ("$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.META.LEADER.STEPDOWN"):
        yield Door(Deed.CONFIGURE, subject)
    yield Door(Deed.CONFIGURE, "$JS.API.STREAM.CREATE.MINE")
    for subject in ("$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.USER.INFO.x"):
        yield Door(Deed.SERVER, subject)
    yield Door(Deed.SERVER, "$SYS.REQ.ACCOUNT.BROKER.CONNZ")
    for user in (ROUTER, LOG, "admin"):
        yield Door(Deed.ANSWER, f"{inbox_prefix(user)}.x")
