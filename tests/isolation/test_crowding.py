"""A member that sends what is too long, or takes in more than it reads, is cut off by the server and harms nobody else."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any, Final

from broker.bus.connection import Bus
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Puller
from broker.bus.streams import stream_facts
from broker.bus.subjects import OutSubject, shard_of
from broker.bus.topology import DEFAULT_SHARDS, OUT, in_stream, shard_subject
from schemas.wire import MAX_MESSAGE_BYTES, InKind, Lane
from tests.support.events import CUMBERLAND, a_document
from tests.support.exchange import Exchange, exchange, settled

_TOO_LONG: Final = 4 * MAX_MESSAGE_BYTES
_UNREAD: Final = 200
"""Messages of the greatest length: more than a server keeps for one connection, and than the system's buffers take."""


async def test_what_is_too_long_is_refused_with_its_connection_and_nobody_else_notices(
    tmp_path: Path,
) -> None:
    """Past our own client's check, straight on the socket: the server hangs up, and the sender may come back."""
    async with (
        exchange(tmp_path) as it,
        it.router(),
        it.gateway("health") as health,
        it.gateway("cumberland") as cumberland,
    ):
        police = await it.connect("police")
        own = str(OutSubject(it.members["police"], Lane.NORMAL, 0))
        cut = police.client.stats["reconnects"]
        socket: Any = police.client._transport
        socket.write(b"PUB %s %d\r\n%s\r\n" % (own.encode(), _TOO_LONG, bytes(_TOO_LONG)))
        health.publish(a_document("concern.raised", n=1, residence={"gss": CUMBERLAND}))

        await settled(lambda: [item for item in cumberland.inbox() if item.kind is InKind.VIEW])
        await settled(lambda: police.client.stats["reconnects"] > cut)
        await settled(lambda: _empty(it))
        async with Publisher(police) as sends:
            await sends.publish(Outgoing(own, b"back again", "back"))  # raises where it is not let in


async def test_who_does_not_read_is_cut_off_and_keeps_what_waits_for_it(tmp_path: Path) -> None:
    """Its messages are still there when it comes back, and the others were served meanwhile."""
    async with (
        exchange(tmp_path) as it,
        it.gateway("health") as health,
        it.gateway("cumberland") as cumberland,
    ):
        await _fill(it, "police")
        deaf = await it.connect("police")
        await _ask_for_everything(it, deaf)
        async with it.router():
            health.publish(a_document("concern.raised", n=1, residence={"gss": CUMBERLAND}))
            await settled(lambda: [item for item in cumberland.inbox() if item.kind is InKind.VIEW])
            await settled(lambda: _cut_off(it), within=40)

        again = await it.connect("police")
        stream = in_stream(shard_of(it.members["police"], DEFAULT_SHARDS))
        async with Puller(again, stream, it.members["police"], batch=16) as puller:
            seen: set[bytes] = set()
            while len(seen) < _UNREAD:
                for delivery in await asyncio.wait_for(puller.next_batch(16), 40):
                    seen.add(delivery.data[:4])
                    await puller.ack(delivery)
        assert _UNREAD == len(seen)


async def _fill(it: Exchange, name: str) -> None:
    router = await it.connect("router")
    subject = shard_subject(it.members[name], DEFAULT_SHARDS)
    async with Publisher(router) as sends:
        for number in range(_UNREAD):
            body = number.to_bytes(4, "big") + os.urandom(MAX_MESSAGE_BYTES - 4)
            await sends.publish(Outgoing(subject, body, f"unread {number}"))


async def _ask_for_everything(it: Exchange, deaf: Bus) -> None:
    """And then read nothing of it: the socket's buffers fill, then the server's."""
    member = it.members["police"]
    inbox = deaf.client.new_inbox()
    await deaf.client.subscribe(inbox)
    await deaf.client.flush()
    wanted = json.dumps({"batch": _UNREAD, "expires": 60_000_000_000}).encode()
    stream = in_stream(shard_of(member, DEFAULT_SHARDS))
    await deaf.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{member}", wanted, reply=inbox)
    await deaf.client._flush_pending(force_flush=True)
    socket: Any = deaf.client._transport
    socket._io_writer.transport.pause_reading()


async def _cut_off(it: Exchange) -> bool:
    system = await it.connect("system")
    answer = await system.request("$SYS.REQ.SERVER.PING.STATSZ")
    await system.close()
    facts: dict[str, Any] = json.loads(answer.data)
    return bool(facts["statsz"]["slow_consumers"])


async def _empty(it: Exchange) -> bool:
    """Whether nothing is left in OUT: what was too long never came, what was not has been routed."""
    bus = await it.connect("admin")
    return not (await stream_facts(bus, OUT))["messages"]
