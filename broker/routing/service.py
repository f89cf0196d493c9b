"""The router's thin shell: pull, one transaction a batch, publish what was decided, acknowledge.

What a crash means at each numbered gap:

* gap 1, before the transaction commits: nothing happened; the bus delivers the messages again.
* gap 2, committed, not acknowledged: they come again, the chains know them, they are acknowledged.
* gap 3, acknowledged, deliveries not published: they wait in the router's own outbox and go out at the start.
* gap 4, published, not marked on disk: they go out again under the same ids; the bus or the reader's ledger drops them.
* gap 5, audit entries published, not marked on disk: as at gap 4; the board's node knows an entry by its number.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import structlog

from broker.bus.connection import Bus, BusError
from broker.bus.publisher import Outgoing as BusMessage
from broker.bus.publisher import Publisher
from broker.bus.puller import Delivery, Puller
from broker.bus.streams import erase_message, get_message
from broker.bus.subjects import MalformedSubjectError, OutSubject, audit_subject, shard_of
from broker.bus.topology import OUT, in_stream, router_durable, shard_subject
from broker.clock import Clock
from broker.crypto.keys import KemKey
from broker.errors import UnavailableError
from broker.faults import Gap, no_gap
from broker.routing.controls import numbers_to_resend
from broker.routing.desk import AUDIT_PARTITION, RouterKeys, Said
from broker.routing.intake import Batch, BatchResult, Outcome
from broker.routing.relay import GRID_MS
from broker.routing.standing import number_of
from broker.store.router.at_hand import AtHand
from broker.store.router.outgoing import AuditRow, InboxRow
from broker.store.router.store import RouterStore, Work
from broker.telemetry.watching import RouterWatch, UnwatchedRouter
from schemas.directory import Directory
from schemas.wire import Lane

T = TypeVar("T")

_log = structlog.get_logger()

_BATCH: Final = 256
_PUBLISH_MOST: Final = 800
_TICK_S: Final = 1.0
_RETRY_S: Final = 0.5
_FULL_S: Final = 10.0
_ERASED: Final = frozenset({Outcome.ROUTINE, Outcome.REPEAT})
_SCRUB_S: Final = 30.0
"""How long a deleted row may stay in the write-ahead log while messages flow; when they rest, a second (P12)."""


@dataclass(frozen=True, slots=True)
class RouterParts:
    """Everything the router is made of; put together by ``broker.wiring``."""

    bus: Bus
    store: RouterStore
    keys: RouterKeys
    routing_keys: Mapping[str, KemKey]
    directory: Callable[[], Directory]
    clock: Clock
    shards: int
    is_area: Callable[[str], bool]
    entropy: Callable[[int], bytes]
    grid_ms: int = GRID_MS
    """How far apart the slots are at which a side that a hidden family left is told anything."""
    gap: Gap = no_gap
    watch: RouterWatch = field(default_factory=UnwatchedRouter)


class RouterService:
    """Runs until ``stop`` is set, then finishes the batch in hand.

    All that touches the database is done by one thread, one thing after another: while it decides and waits for the
    disk, the bus is served.
    """

    def __init__(self, parts: RouterParts) -> None:
        self._p = parts
        self._books = ThreadPoolExecutor(1, thread_name_prefix="router-books")
        self._wakes: list[asyncio.Event] = []
        self._full: dict[str, float] = {}
        """Readers whose inbox takes no more, each with the moment from which it is tried again."""
        self._deleted_at: float | None = None
        self._scrubbed_at = 0.0
        self._batch = Batch(
            store=parts.store,
            keys=parts.keys,
            routing_keys=parts.routing_keys,
            is_area=parts.is_area,
            entropy=parts.entropy,
            grid_ms=parts.grid_ms,
        )

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Route. Raises only what a person must look at; a bus that is away is waited for."""
        # Left last: what the thread has begun when the tasks are cancelled, it finishes.
        with self._books:
            async with Publisher(self._p.bus) as publisher, asyncio.TaskGroup() as tasks:
                workers = [
                    tasks.create_task(self._route(), name="route"),
                    tasks.create_task(
                        self._publish(lambda: self._publish_inbox(publisher), self._p.store.inbox),
                        name="inbox",
                    ),
                    tasks.create_task(
                        self._publish(lambda: self._publish_audit(publisher), self._p.store.audit),
                        name="audit",
                    ),
                    tasks.create_task(self._tick(), name="tick"),
                ]
                ready()
                await stop.wait()
                for worker in workers:
                    worker.cancel()

    async def _in_store(self, work: Callable[[Work], T]) -> T:
        """One transaction, in the thread that keeps the books."""

        def done() -> T:
            with self._p.store.work() as open_work:
                return work(open_work)

        return await self._by_books(done)

    async def _by_books(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._books, work)

    def _wake(self) -> None:
        """There may be something to publish."""
        for wake in self._wakes:
            wake.set()

    async def _route(self) -> None:
        pullers = {lane: Puller(self._p.bus, OUT, router_durable(lane)) for lane in Lane}
        async with pullers[Lane.URGENT], pullers[Lane.NORMAL], pullers[Lane.BULK]:
            while True:
                lane, deliveries = await self._next(pullers)
                await self._handle(pullers[lane], lane, deliveries)

    async def _next(self, pullers: Mapping[Lane, Puller]) -> tuple[Lane, list[Delivery]]:
        """Urgent before normal before bulk; when nothing is there, whatever comes first."""
        for lane in Lane:
            taken = pullers[lane].take_now(_BATCH)
            if taken:
                return lane, taken
        waits = {asyncio.create_task(pullers[lane].arrived()): lane for lane in Lane}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        return await self._next(pullers)

    async def _handle(self, puller: Puller, lane: Lane, deliveries: list[Delivery]) -> None:
        started_ns = time.time_ns()
        messages = [(_subject(delivery), delivery.data) for delivery in deliveries]
        directory, now = self._p.directory(), self._p.clock()
        try:
            result = await self._by_books(
                lambda: self._batch.take(messages, directory, now, before_commit=lambda: self._p.gap(1))
            )
        except UnavailableError:
            # Disk full or locked: nothing was committed. Wait; the bus keeps the messages.
            _log.exception("batch-not-stored", messages=len(deliveries))
            self._p.watch.waits("disk")
            await asyncio.sleep(_RETRY_S)
            for delivery in deliveries:
                await puller.again(delivery, _RETRY_S)
            return
        self._p.gap(2)
        self._wake()
        await self._acknowledge(puller, deliveries, result)
        self._p.gap(3)
        outcomes = Counter(outcome.value for outcome in result.outcomes)
        self._p.watch.batch(lane.value, deliveries[-1].pending, outcomes, result.said, started_ns)
        for member, request in result.resends:
            await self._send_again(member, numbers_to_resend(request))

    async def _acknowledge(self, puller: Puller, deliveries: list[Delivery], result: BatchResult) -> None:
        done = []
        for delivery, outcome in zip(deliveries, result.outcomes, strict=True):
            if outcome in _ERASED:
                # Acknowledging would leave the bytes in the stream's file: routine events are overwritten (P12), and
                # so is what came again: after a crash at gap 2 nobody knows any more whether it was routine.
                try:
                    await erase_message(self._p.bus, OUT, delivery.sequence)
                except UnavailableError:
                    continue  # it comes again, is known as a repeat, and is erased then
            done.append(delivery)
        await puller.ack_all(done)

    async def _publish(self, what: Callable[[], Awaitable[bool]], at_hand: AtHand[Any, Any]) -> None:
        wake = asyncio.Event()
        self._wakes.append(wake)
        while True:
            wake.clear()
            try:
                busy = await what()
            except UnavailableError as error:
                at_hand.drop()
                _log.warning("publish-waits", error=str(error))
                self._p.watch.waits("bus")
                await asyncio.sleep(_RETRY_S)
                continue
            if not busy:
                await wake.wait()

    async def _publish_inbox(self, publisher: Publisher) -> bool:
        full = self._full_readers()
        taken = self._p.store.inbox.take(_PUBLISH_MOST)
        if taken is None:
            taken = await self._in_store(lambda work: self._waiting_inbox(work, full))
        if not taken:
            return False
        rows = [row for row in taken if row.reader not in full]
        shards: dict[int, list[InboxRow]] = {}
        for row in rows:
            shards.setdefault(shard_of(row.reader, self._p.shards), []).append(row)
        started = time.monotonic()
        results = await asyncio.gather(
            *(self._publish_shard(publisher, one) for one in shards.values()), return_exceptions=True
        )
        self._p.gap(4)
        self._p.watch.published("inbox", len(rows), time.monotonic() - started)
        sent = [pair for result in results if not isinstance(result, BaseException) for pair in result]
        self._p.store.inbox.mark(sent)
        self._deleted_at = time.monotonic()
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return True

    def _waiting_inbox(self, work: Work, full: frozenset[str]) -> list[InboxRow]:
        rows = work.outgoing.waiting_inbox(_PUBLISH_MOST, without=full)
        if len(rows) < _PUBLISH_MOST:
            self._p.store.inbox.caught_up()
        return rows

    def _waiting_audit(self, work: Work) -> list[AuditRow]:
        rows = work.outgoing.waiting_audit(_PUBLISH_MOST)
        if len(rows) < _PUBLISH_MOST:
            self._p.store.audit.caught_up()
        return rows

    async def _publish_shard(self, publisher: Publisher, rows: list[InboxRow]) -> list[tuple[InboxRow, int]]:
        messages = [
            BusMessage(shard_subject(row.reader, self._p.shards), row.body, row.msg_id) for row in rows
        ]
        try:
            return list(zip(rows, await publisher.publish_batch(messages), strict=True))
        except BusError:
            # A batch is stored whole or not at all, and one reader's inbox is full: singly, it holds up nobody else.
            return await self._publish_singly(publisher, list(zip(rows, messages, strict=True)))

    async def _publish_singly(
        self, publisher: Publisher, pairs: list[tuple[InboxRow, BusMessage]]
    ) -> list[tuple[InboxRow, int]]:
        """What a full inbox refuses stays in our outbox, visibly, and is tried again a little later."""
        sent = []
        for row, message in pairs:
            if row.reader in self._full_readers():
                continue
            try:
                sent.append((row, await publisher.publish(message)))
            except BusError as error:
                self._full[row.reader] = time.monotonic() + _FULL_S
                _log.warning("inbox-full", reader=row.reader, error=str(error))
        return sent

    def _full_readers(self) -> frozenset[str]:
        now = time.monotonic()
        over = [reader for reader, until in self._full.items() if until <= now]
        for reader in over:
            del self._full[reader]
        if over:
            # What was kept for them is in the database only.
            self._p.store.inbox.drop()
        return frozenset(self._full)

    async def _publish_audit(self, publisher: Publisher) -> bool:
        rows = self._p.store.audit.take(_PUBLISH_MOST)
        if rows is None:
            rows = await self._in_store(self._waiting_audit)
        if not rows:
            return False
        started = time.monotonic()
        await publisher.publish_batch(
            [
                BusMessage(audit_subject(AUDIT_PARTITION), row.body, f"audit.{AUDIT_PARTITION}.{row.number}")
                for row in rows
            ]
        )
        self._p.gap(5)
        self._p.watch.published("audit", len(rows), time.monotonic() - started)
        self._p.store.audit.mark(rows)
        return True

    async def _send_again(self, member: str, numbers: tuple[int, ...]) -> None:
        """A reader has a gap: publish those deliveries anew, under new ids."""
        for number in numbers:
            await self._send_one_again(member, number)
        self._wake()

    async def _send_one_again(self, member: str, number: int) -> None:
        sequence = await self._in_store(lambda work: work.outgoing.sequence_of(member, number))
        if sequence is None:
            return
        body = await self._still_there(member, number, sequence)
        directory, now = self._p.directory(), self._p.clock()
        await self._in_store(lambda work: self._batch.note_resend(work, member, number, body, directory, now))

    async def _still_there(self, member: str, number: int, sequence: int) -> bytes | None:
        """A delivery as it lies on the bus; None where it is gone, or where a damaged stream has given its place away."""
        stored = await get_message(self._p.bus, in_stream(shard_of(member, self._p.shards)), sequence)
        if stored is None or stored.subject != shard_subject(member, self._p.shards):
            return None
        return stored.data if number_of(stored.data, self._p.directory()) == number else None

    async def _tick(self) -> None:
        while True:
            started = time.monotonic()
            try:
                await self._tick_once(self._p.directory(), self._p.clock())
                await self._scrub(started)
            except UnavailableError:
                _log.exception("tick-not-stored")
            await asyncio.sleep(max(0.0, _TICK_S - (time.monotonic() - started)))

    async def _tick_once(self, directory: Directory, now: datetime) -> None:
        said: list[Said] = []
        done = await self._by_books(lambda: self._batch.tick(directory, now, said))
        self._p.watch.said(said)
        if done or self._full:
            self._wake()

    async def _scrub(self, now: float) -> None:
        """Published bodies are deleted and overwritten; this takes them out of the write-ahead log too."""
        if self._deleted_at is None:
            return
        at_rest, overdue = now - self._deleted_at > _TICK_S, now - self._scrubbed_at > _SCRUB_S
        # While somebody reads the database the log stays; the next tick tries again.
        if not (at_rest or overdue):
            return
        deleted_at = self._deleted_at
        if await self._by_books(self._p.store.scrub):
            self._scrubbed_at = now
            if self._deleted_at == deleted_at:  # nothing was deleted meanwhile
                self._deleted_at = None


def _subject(delivery: Delivery) -> OutSubject | None:
    try:
        return OutSubject.parse(delivery.subject)
    except MalformedSubjectError:
        return None
