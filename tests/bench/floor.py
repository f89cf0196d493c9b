"""The floor: the fastest relay that nats-py allows, as a program of its own, to hold the router against.

It does with each message what the router does, as the bus sees it: as many copies of the same size in the same
streams, as many audit entries, all acknowledged by the disk before the message is. It knows what to do from a few
bytes before the message; it checks nothing, decides nothing, remembers nothing.
"""

import asyncio
import json
import secrets
import struct
import sys
from pathlib import Path
from typing import Final, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from broker.bus.connection import Access, connect
from broker.bus.subjects import audit_subject
from broker.bus.topology import DEFAULT_SHARDS, OUT, router_durable, shard_subject
from schemas.wire import Lane

_PLAN: Final = struct.Struct(">HB")
_MOST: Final = 128
_IN_HAND: Final = 3
_ASK: Final = 512


class Sizes(NamedTuple):
    """Bytes of what the router makes: a view, an entry on an event, and of receipts those passed on and written."""

    view: int
    taken: int
    receipt_passed: int
    receipt_entry: int


def planned(to: tuple[int, ...], audits: int, data: bytes) -> bytes:
    """A message with what is to be done with it before it: to whom (by place in the list), how many entries."""
    return _PLAN.pack(audits, len(to)) + struct.pack(f">{len(to)}H", *to) + data


class Relay:
    """Takes from OUT, puts into the inboxes' streams and AUDIT in atomic batches, a few of them in hand."""

    def __init__(self, client: Client, readers: list[str], sizes: Sizes) -> None:
        self._client = client
        self._subjects = [shard_subject(reader, DEFAULT_SHARDS) for reader in readers]
        self._sizes = sizes
        self._arrived: list[Msg] = []
        self._news = asyncio.Event()
        self._asked = 0
        self._answers: dict[str, asyncio.Future[None]] = {}
        self._run, self._batches = secrets.token_hex(4), 0

    async def run(self) -> None:
        """For ever."""
        self._inbox, self._acks = self._client.new_inbox(), self._client.new_inbox()
        await self._client.subscribe(self._acks + ".*", cb=self._answered)
        await self._client.subscribe(
            self._inbox, cb=self._arrive, pending_bytes_limit=0, pending_msgs_limit=0
        )
        await self._ask()
        print("ready", flush=True)
        hands = asyncio.Semaphore(_IN_HAND)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await hands.acquire()
                while not self._arrived:
                    self._news.clear()
                    await self._news.wait()
                taken, self._arrived = self._arrived[:_MOST], self._arrived[_MOST:]
                if self._asked < _ASK // 2:
                    await self._ask()
                tasks.create_task(self._relay(taken)).add_done_callback(lambda _: hands.release())

    async def _ask(self) -> None:
        self._asked += _ASK
        body = json.dumps({"batch": _ASK, "expires": 60_000_000_000}).encode()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{OUT}.{router_durable(Lane.NORMAL)}"
        await self._client.publish(subject, body, reply=self._inbox)

    async def _arrive(self, message: Msg) -> None:
        if not message.reply.startswith("$JS.ACK"):
            return
        self._asked -= 1
        self._arrived.append(message)
        self._news.set()

    async def _relay(self, taken: list[Msg]) -> None:
        shards: dict[str, list[tuple[str, bytes]]] = {}
        for message in taken:
            audits, count = _PLAN.unpack_from(message.data)
            to = struct.unpack_from(f">{count}H", message.data, _PLAN.size)
            is_event = audits == 1
            size = self._sizes.view if is_event else self._sizes.receipt_passed * audits // count
            body = (message.data * (size // len(message.data) + 1))[:size]
            for place in to:
                subject = self._subjects[place]
                shards.setdefault(subject[:8], []).append((subject, body))
            entry = message.data[: self._sizes.taken if is_event else self._sizes.receipt_entry]
            shards.setdefault("audit", []).extend([(audit_subject(0), entry)] * audits)
        batches = [rows[at : at + 500] for rows in shards.values() for at in range(0, len(rows), 500)]
        await asyncio.gather(*[await self._send(batch) for batch in batches])
        for message in taken:
            await self._client.publish(message.reply, b"+ACK")

    async def _send(self, batch: list[tuple[str, bytes]]) -> "asyncio.Future[None]":
        """One atomic batch, with the ids by which a repeat would be known."""
        self._batches += 1
        name = f"{self._run}-{self._batches}"
        for number, (subject, body) in enumerate(batch[:-1], start=1):
            headers = {
                "Nats-Msg-Id": f"{name}.{number}",
                "Nats-Batch-Id": name,
                "Nats-Batch-Sequence": str(number),
            }
            await self._client.publish(subject, body, headers=headers)
        subject, body = batch[-1]
        last = {
            "Nats-Msg-Id": f"{name}.{len(batch)}",
            "Nats-Batch-Id": name,
            "Nats-Batch-Sequence": str(len(batch)),
            "Nats-Batch-Commit": "1",
        }
        self._answers[name] = asyncio.get_running_loop().create_future()
        await self._client.publish(subject, body, reply=f"{self._acks}.{name}", headers=last)
        return self._answers[name]

    async def _answered(self, message: Msg) -> None:
        answer = json.loads(message.data)
        future = self._answers.pop(message.subject.rpartition(".")[2])
        if "error" in answer:
            future.set_exception(RuntimeError(str(answer["error"])))
        else:
            future.set_result(None)


async def _main(folder: str, url: str, readers: list[str], sizes: Sizes) -> None:
    bus = await connect(Access.in_folder(Path(folder), "router", url))
    await Relay(bus.client, readers, sizes).run()


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    asyncio.run(_main(given["folder"], given["url"], given["readers"], Sizes(*given["sizes"])))
