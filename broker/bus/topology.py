"""Streams and durables as data: what exists on the bus, with every limit stated. Provisioned by command only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from broker.bus.subjects import DIRECTORY, HEAD, WITNESSED, in_subject, shard_of
from schemas.wire import MAX_MESSAGE_BYTES, Lane

_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
DEFAULT_SHARDS: Final = 4
DUPLICATE_WINDOW_S: Final = 120
ACK_WAIT_S: Final = 20
"""How long a reader that died may hold what it took; a batch is done in well under a second."""
IN_DAYS: Final = 45
IN_QUOTA: Final = 200_000
"""Undelivered messages one member may have; then the router's publish is refused and waits, visibly."""

OUT: Final = "OUT"
AUDIT: Final = "AUDIT"
DIRECTORY_STREAM: Final = "DIRECTORY"
HEADS: Final = "HEADS"
COSIGNATURES: Final = "COSIGNATURES"
STANDBY: Final = "standby"
"""Stands as a file in the home of a front door's standby, and in the name of its user and its durable."""
LOG: Final = "log"
"""The audit service's durable on AUDIT and on COSIGNATURES, and its name on the bus."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream, with the configuration that the server is asked for."""

    name: str
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Durable:
    """One named reader of a stream."""

    stream: str
    name: str
    config: dict[str, Any]


def in_stream(shard: int) -> str:
    """The name of an IN shard."""
    return f"IN_{shard}"


def router_durable(lane: Lane) -> str:
    """The router's durable for one lane of OUT."""
    return f"router-{lane.value}"


def standby_durable(member: str) -> str:
    """The durable of a front door's standby on its inbox, and that user's name on the bus."""
    return f"{member}-{STANDBY}"


def audit_durable(member: str) -> str:
    """A board's durable on AUDIT."""
    return f"audit-{member}"


def streams(shards: int = DEFAULT_SHARDS) -> tuple[Stream, ...]:
    """All streams of an exchange."""
    return (
        _stream(
            OUT,
            ["out.>"],
            retention="workqueue",
            max_consumers=16,
            discard="new",
            allow_atomic=True,
        ),
        *(
            _stream(
                in_stream(shard),
                [f"shard.{shard}.>"],
                retention="limits",
                max_age=IN_DAYS * _DAY,
                max_msgs_per_subject=IN_QUOTA,
                discard="new",
                discard_new_per_subject=True,
                allow_atomic=True,
                allow_direct=True,
                max_consumers=20_000,
            )
            for shard in range(shards)
        ),
        _stream(
            AUDIT,
            ["audit.>"],
            retention="limits",
            allow_atomic=True,
            allow_direct=True,
            deny_delete=True,
            deny_purge=True,
            discard="new",
            max_consumers=1_000,
        ),
        _stream(
            DIRECTORY_STREAM,
            [DIRECTORY],
            retention="limits",
            max_msgs_per_subject=400,
            allow_direct=True,
            discard="old",
            max_consumers=4,
        ),
        *_log_streams(),
    )


def durables(
    members: Iterable[str],
    boards: Iterable[str],
    shards: int = DEFAULT_SHARDS,
    *,
    standbys: Iterable[str] = (),
) -> tuple[Durable, ...]:
    """All durables: the router's lanes, one for each member and each standby, one on AUDIT for each board, the log's two."""
    return (
        *(_durable(OUT, router_durable(lane), f"out.*.{lane.value}.*", ack_wait=ACK_WAIT_S) for lane in Lane),
        *(
            _durable(
                in_stream(shard_of(member, shards)),
                member,
                shard_subject(member, shards),
                ack_wait=ACK_WAIT_S,
            )
            for member in members
        ),
        *(
            _durable(
                in_stream(shard_of(member, shards)),
                standby_durable(member),
                shard_subject(member, shards),
                ack_wait=ACK_WAIT_S,
            )
            for member in standbys
        ),
        _durable(AUDIT, LOG, "audit.>", ack_wait=ACK_WAIT_S),
        _durable(COSIGNATURES, LOG, "cosign.*", ack_wait=ACK_WAIT_S),
        *(_durable(AUDIT, audit_durable(board), "audit.>", ack_wait=ACK_WAIT_S) for board in boards),
    )


def _log_streams() -> tuple[Stream, ...]:
    return (
        _stream(
            HEADS,
            [HEAD, WITNESSED],
            retention="limits",
            max_msgs_per_subject=1_000,
            allow_direct=True,
            discard="old",
            max_consumers=4,
        ),
        # A cosignature that the log has not taken in yet is worth nothing once there is a newer one.
        _stream(
            COSIGNATURES,
            ["cosign.*"],
            retention="limits",
            max_msgs_per_subject=4,
            discard="old",
            max_consumers=4,
        ),
    )


def shard_subject(member: str, shards: int) -> str:
    """The subject in the stream for one member: ``shard.<k>.in.<member>``."""
    return f"shard.{shard_of(member, shards)}.{in_subject(member)}"


def _stream(name: str, subjects: list[str], **more: Any) -> Stream:
    return Stream(
        name,
        {
            "name": name,
            "subjects": subjects,
            "storage": "file",
            "num_replicas": 1,
            "max_msg_size": MAX_MESSAGE_BYTES + 4096,
            "duplicate_window": DUPLICATE_WINDOW_S * _SECOND,
            **more,
        },
    )


def _durable(stream: str, name: str, subject: str, *, ack_wait: int) -> Durable:
    return Durable(
        stream,
        name,
        {
            "durable_name": name,
            "filter_subject": subject,
            "ack_policy": "explicit",
            "deliver_policy": "all",
            "ack_wait": ack_wait * _SECOND,
            "max_ack_pending": 4000,
            "max_waiting": 64,
            "replay_policy": "instant",
        },
    )
