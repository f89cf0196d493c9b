"""Putting messages on the bus: pipelined, with our own timeouts, idempotent by message id, and in atomic batches."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from nats.aio.msg import Msg

from broker.bus.connection import Bus, BusError
from broker.bus.writing import framed, write
from broker.errors import UnavailableError

_WINDOW: Final = 512
_ATTEMPT_S: Final = 5.0
_DUPLICATE_IN_BATCH: Final = 10201
_BATCH_INCOMPLETE: Final = 10176
"""The server was started again in the middle of the batch and has forgotten its beginning."""
_BATCH_LIMIT: Final = 500
MSG_ID: Final = "Nats-Msg-Id"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish. ``msg_id`` makes a repeat harmless within the duplicate window."""

    subject: str
    data: bytes
    msg_id: str


class Publisher:
    """Publishes and waits for the server's word that it is on disk.

    Safe to call from many tasks. A cancelled call may still have been stored; repeat it with the same id.
    """

    def __init__(self, bus: Bus) -> None:
        self._client = bus.client
        self._waiting: dict[str, tuple[asyncio.Future[dict[str, Any]], float]] = {}
        self._slots = asyncio.Semaphore(_WINDOW)
        self._prefix = ""
        self._sweeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        # Unguessable, so that nobody can settle our publishes with a forged answer.
        self._prefix = f"{self._client.new_inbox()}.{secrets.token_hex(8)}."
        await self._client.subscribe(self._prefix + "*", cb=self._answered, pending_bytes_limit=0)
        self._sweeper = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sweeper:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        for waiting in self._waiting.values():
            waiting[0].cancel()

    async def publish(self, message: Outgoing, *, within: float = 30.0) -> int:
        """Publish one message; durable on return. Gives its stream sequence (0 if it was a duplicate without one).

        Raises:
            BusError: the server refused it for good (full, not allowed, no such stream).
            UnavailableError: no answer in time.
        """
        end = time.monotonic() + within
        pause = 0.05
        while True:
            try:
                answer = await self._attempt(message, {MSG_ID: message.msg_id})
                return int(answer.get("seq", 0))
            except BusError:
                raise
            except UnavailableError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)

    async def publish_batch(
        self, messages: Sequence[Outgoing], *, within: float = 30.0, in_order: bool = False
    ) -> list[int]:
        """Publish messages of *one stream* all or none, then singly if one of them was there already.

        Gives the stream sequence of each. Raises as ``publish``; after UnavailableError some may be stored.
        With ``in_order`` none is stored before the one that stands before it, singly or not.
        """
        sequences: list[int] = []
        for start in range(0, len(messages), _BATCH_LIMIT):
            sequences += await self._one_batch(messages[start : start + _BATCH_LIMIT], within, in_order)
        return sequences

    async def _one_batch(self, messages: Sequence[Outgoing], within: float, in_order: bool) -> list[int]:
        if len(messages) == 1:
            return [await self.publish(messages[0], within=within)]
        try:
            last = await self._commit(messages)
        except BusError as error:
            if error.code not in {_DUPLICATE_IN_BATCH, _BATCH_INCOMPLETE}:
                raise
        except UnavailableError:
            # Whether it was committed is unknown: singly, each id counts at most once.
            pass
        else:
            return list(range(last - len(messages) + 1, last + 1))
        if in_order:
            return [await self.publish(message, within=within) for message in messages]
        return list(await asyncio.gather(*(self.publish(message, within=within) for message in messages)))

    async def _commit(self, messages: Sequence[Outgoing]) -> int:
        batch = secrets.token_hex(12)
        *others, last = [
            (
                message,
                {MSG_ID: message.msg_id, "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)},
            )
            for number, message in enumerate(messages, start=1)
        ]
        before = [framed(message.subject, message.data, headers=headers) for message, headers in others]
        message, headers = last
        answer = await self._attempt(message, headers | {"Nats-Batch-Commit": "1"}, before)
        return int(answer["seq"])

    async def _attempt(
        self, message: Outgoing, headers: dict[str, str], before: Sequence[bytes] = ()
    ) -> dict[str, Any]:
        """Send ``message`` after those that stand before it, and wait for the answer to it."""
        async with self._slots:
            key = secrets.token_hex(8)
            future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._waiting[key] = (future, time.monotonic())
            last = framed(message.subject, message.data, reply=self._prefix + key, headers=headers)
            try:
                await write(self._client, (*before, last))
                return await future
            finally:
                self._waiting.pop(key, None)

    async def _answered(self, message: Msg) -> None:
        item = self._waiting.pop(message.subject[len(self._prefix) :], None)
        if item is None or item[0].done():
            return  # the late answer of an attempt that timed out: its id covers the repeat
        future = item[0]
        if message.headers and message.headers.get("Status"):
            future.set_exception(UnavailableError(f"the bus is not ready ({message.headers['Status']})"))
            return
        answer = json.loads(message.data)
        if "error" in answer:
            error = answer["error"]
            future.set_exception(BusError(error.get("err_code", 0), error.get("description", "")))
        else:
            future.set_result(answer)

    async def _sweep(self) -> None:
        connections = self._client.stats["reconnects"]
        while True:
            await asyncio.sleep(0.25)
            now = time.monotonic()
            # An answer does not survive its connection: after a new one, ask again at once; the id covers the repeat.
            lost = connections != self._client.stats["reconnects"]
            connections = self._client.stats["reconnects"]
            for future, since in list(self._waiting.values()):
                if (lost or now - since > _ATTEMPT_S) and not future.done():
                    future.set_exception(UnavailableError("the bus did not confirm in time"))
