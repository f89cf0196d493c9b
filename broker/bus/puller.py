"""Taking messages off the bus: a continuous pull that does not go deaf when the server comes back."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final, Self

import nats.errors
from nats.aio.msg import Msg

from broker.bus.connection import Bus
from broker.bus.writing import framed, write
from broker.errors import UnavailableError

_HEARTBEAT_S: Final = 2.0
_WATCH_S: Final = 0.25
_EXPIRES_S: Final = 20.0
_NANOSECONDS: Final = 1_000_000_000
_ACK_TOKENS: Final = 9
_HEARTBEAT: Final = "100"
_EXPIRED: Final = "408"
_FULL: Final = 4
"""So many batches may lie here untaken; then no more are asked for."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as the bus gave it. Nothing in it is trusted: the signatures inside ``data`` are."""

    subject: str
    data: bytes
    reply: str
    sequence: int
    attempts: int
    pending: int


class Puller:
    """Pulls from one durable. Each delivery comes again until it is acknowledged.

    ``batches`` may be consumed by one task. Junk that arrives on the inbox is dropped.
    """

    def __init__(self, bus: Bus, stream: str, durable: str, *, batch: int = 256) -> None:
        self._client = bus.client
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._ack = f"$JS.ACK.{stream}.{durable}."
        self._batch = batch
        self._asked = 0
        self._heard = 0.0
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._watcher: asyncio.Task[None] | None = None
        self._inbox = ""
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(
            self._inbox, cb=self._arrived, pending_bytes_limit=0, pending_msgs_limit=0
        )
        await self._ask(self._batch)
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watcher:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._subscription.unsubscribe()
        # Given back, so that whoever pulls next has it at once and not after the server's patience.
        for delivery in self.take_now(self.waiting):
            await self._reply(delivery, b"-NAK")

    @property
    def waiting(self) -> int:
        """How many deliveries have arrived and are not taken."""
        return self._queue.qsize()

    @property
    def address(self) -> str:
        """The subject on which deliveries arrive; nobody else knows it."""
        return self._inbox

    async def batches(self, most: int = 256) -> AsyncIterator[list[Delivery]]:
        """Whatever is there, at least one and at most ``most`` at a time, for ever."""
        while True:
            yield await self.next_batch(most)

    async def next_batch(self, most: int = 256) -> list[Delivery]:
        """Wait for at least one delivery."""
        taken = [await self._queue.get()]
        taken += self.take_now(most - 1)
        return taken

    async def arrived(self) -> None:
        """Wait until something has arrived, without taking it."""
        while self._queue.empty():
            self._news.clear()
            await self._news.wait()

    def take_now(self, most: int) -> list[Delivery]:
        """What has arrived already; may be empty."""
        taken: list[Delivery] = []
        while len(taken) < most and not self._queue.empty():
            taken.append(self._queue.get_nowait())
        return taken

    async def ack(self, delivery: Delivery) -> None:
        """Say that it is done with. May be lost when the bus is away: then it comes again."""
        await self._reply(delivery, b"+ACK")

    async def ack_all(self, deliveries: Iterable[Delivery]) -> None:
        """As ``ack``, of many in one write."""
        with contextlib.suppress(UnavailableError):
            await write(self._client, [framed(delivery.reply, b"+ACK") for delivery in deliveries])

    async def again(self, delivery: Delivery, after_s: float) -> None:
        """Ask for it again in ``after_s`` seconds."""
        body = json.dumps({"delay": int(after_s * _NANOSECONDS)}).encode()
        await self._reply(delivery, b"-NAK " + body)

    async def _reply(self, delivery: Delivery, body: bytes) -> None:
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._client.publish(delivery.reply, body)

    async def _ask(self, count: int) -> None:
        self._asked += count
        self._heard = time.monotonic()
        request = {
            "batch": count,
            "expires": int(_EXPIRES_S * _NANOSECONDS),
            "idle_heartbeat": int(_HEARTBEAT_S * _NANOSECONDS),
        }
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._client.publish(self._next, json.dumps(request).encode(), reply=self._inbox)

    async def _arrived(self, message: Msg) -> None:
        self._heard = time.monotonic()
        status = message.headers.get("Status") if message.headers else None
        if status == _HEARTBEAT:
            return
        if status:
            self._asked = 0
            if status != _EXPIRED:
                # Refused: no such durable, too many requests, a server that stops. Asked anew by the watcher,
                # not at once, or two programs would shout at each other as fast as they can.
                return
        else:
            delivery = self._read(message)
            if delivery is None:
                return
            self._asked = max(0, self._asked - 1)
            self._queue.put_nowait(delivery)
            self._news.set()
        if self._asked <= self._batch // 2 and self._queue.qsize() < self._batch * _FULL:
            await self._ask(self._batch - self._asked)

    def _read(self, message: Msg) -> Delivery | None:
        # A reply subject is never believed beyond this: it must acknowledge our own durable, or it is junk.
        tokens = message.reply.split(".")
        if not message.reply.startswith(self._ack) or len(tokens) < _ACK_TOKENS:
            return None
        try:
            return Delivery(
                subject=message.subject,
                data=message.data,
                reply=message.reply,
                sequence=int(tokens[5]),
                attempts=int(tokens[4]),
                pending=int(tokens[8]),
            )
        except ValueError:
            return None

    async def _watch(self) -> None:
        connections = self._client.stats["reconnects"]
        while True:
            await asyncio.sleep(_WATCH_S)
            if connections != self._client.stats["reconnects"]:
                # A request does not survive its connection: without this we would wait for missed heartbeats.
                connections = self._client.stats["reconnects"]
                self._heard = 0.0
            room = self._queue.qsize() < self._batch * _FULL
            silent = room and time.monotonic() - self._heard > 2.5 * _HEARTBEAT_S
            starved = self._asked == 0 and self._queue.qsize() < self._batch
            if self._client.is_connected and (silent or starved):
                self._asked = 0
                await self._ask(self._batch)
