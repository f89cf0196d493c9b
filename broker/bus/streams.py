"""Streams: provisioned by command, read by sequence, and erased where nothing may stay behind."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from broker.bus.connection import Bus, BusError
from broker.bus.topology import Durable, Stream
from broker.errors import ConfigurationError

_STREAM_NOT_FOUND: Final = 10059
_CONSUMER_NOT_FOUND: Final = 10014


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as it lies in a stream."""

    subject: str
    data: bytes
    sequence: int


async def provision(bus: Bus, streams: Iterable[Stream], durables: Iterable[Durable]) -> list[str]:
    """Create what is missing; gives one line for each thing created. Idempotent.

    Raises:
        ConfigurationError: something exists with another configuration; it is never changed silently.
    """
    made = [
        f"stream {stream.name}"
        for stream in streams
        if await _ensure(bus, f"STREAM.INFO.{stream.name}", f"STREAM.CREATE.{stream.name}", stream.config)
    ]
    for durable in durables:
        place = f"{durable.stream}.{durable.name}"
        body = {"stream_name": durable.stream, "config": durable.config}
        if await _ensure(bus, f"CONSUMER.INFO.{place}", f"CONSUMER.DURABLE.CREATE.{place}", body):
            made.append(f"durable {place}")
    return made


async def get_message(bus: Bus, stream: str, sequence: int) -> Stored | None:
    """One message by its sequence; None if it is gone. Raises UnavailableError."""
    reply = await bus.request(f"$JS.API.DIRECT.GET.{stream}", b'{"seq":%d}' % sequence)
    headers = reply.headers or {}
    if headers.get("Status"):
        return None
    return Stored(headers["Nats-Subject"], reply.data, int(headers["Nats-Sequence"]))


async def last_message(bus: Bus, stream: str, subject: str) -> Stored | None:
    """The newest message on one subject; None if there is none. Raises UnavailableError."""
    reply = await bus.request(f"$JS.API.DIRECT.GET.{stream}.{subject}")
    headers = reply.headers or {}
    if headers.get("Status"):
        return None
    return Stored(headers["Nats-Subject"], reply.data, int(headers["Nats-Sequence"]))


async def next_message(bus: Bus, stream: str, subject: str, sequence: int) -> Stored | None:
    """The first message on one subject at or after ``sequence``; None if there is none. Raises UnavailableError."""
    asked = json.dumps({"seq": sequence, "next_by_subj": subject}).encode()
    reply = await bus.request(f"$JS.API.DIRECT.GET.{stream}", asked)
    headers = reply.headers or {}
    if headers.get("Status"):
        return None
    return Stored(headers["Nats-Subject"], reply.data, int(headers["Nats-Sequence"]))


async def erase_message(bus: Bus, stream: str, sequence: int) -> bool:
    """Delete one message and overwrite its bytes on disk. False if it was gone already. Raises UnavailableError."""
    try:
        await bus.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence, "no_erase": False})
    except BusError:
        return False
    return True


async def stream_facts(bus: Bus, stream: str) -> dict[str, Any]:
    """The server's count of a stream: messages, bytes, first and last sequence. Raises UnavailableError."""
    facts: dict[str, Any] = (await bus.api(f"STREAM.INFO.{stream}"))["state"]
    return facts


async def _ensure(bus: Bus, info: str, create: str, body: dict[str, Any]) -> bool:
    wanted = body.get("config", body)
    try:
        found = (await bus.api(info))["config"]
    except BusError as error:
        if error.code not in {_STREAM_NOT_FOUND, _CONSUMER_NOT_FOUND}:
            raise
        await bus.api(create, body)
        return True
    different = sorted(key for key, value in wanted.items() if found.get(key) != value)
    if different:
        raise ConfigurationError(
            f"{info.split('.', 2)[2]} exists with other {', '.join(different)}; it is not changed by itself"
        )
    return False
