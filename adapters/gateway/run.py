"""The running gateway: sends what is in the outbox, takes what the bus brings, answers, and never loses its place.

What a crash means at each numbered gap of sending (``broker.faults``; those of receiving are in ``receiving``):

* gap 6, taken from the outbox, not on the bus: it is still in the outbox and goes at the next start.
* gap 7, on the bus, not noted as sent: it goes again under the same id; the bus or the router's chains drop it.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final, TypeVar

import structlog

from adapters.gateway.api import Gateway
from adapters.gateway.duties.alarming import EVERY_S, Alarming
from adapters.gateway.duties.notifying import Notifying
from adapters.gateway.duties.watching import Watching
from adapters.gateway.duties.witnessing import Witnessing
from adapters.gateway.errors import NoKeyError
from adapters.gateway.sending.mending import send_again
from adapters.gateway.sending.vouching import vouched
from broker.bus.connection import Bus, connect
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Puller
from broker.bus.streams import last_message
from broker.bus.subjects import DIRECTORY, shard_of
from broker.bus.topology import DEFAULT_SHARDS, DIRECTORY_STREAM, in_stream
from broker.clock import to_ms
from broker.crypto.directories import Accept
from broker.crypto.signing import sign
from broker.durable import write_whole
from broker.errors import RejectedError, UnavailableError
from broker.store.gateway.bells import Bell
from broker.store.gateway.outbox import OutRow
from broker.telemetry.watching import GatewayWatch, UnwatchedGateway
from schemas.control import Resend
from schemas.wire import Lane, OutKind

T = TypeVar("T")

_log = structlog.get_logger()

_LOOK_S: Final = 0.05
"""How often a running gateway looks for what was put into its outbox where no bell has told it; one pragma a look."""
_MARK_S: Final = 0.1
"""What went is noted as sent so long after: a crash meanwhile sends it again, which is once."""
_RECEIPTS_S: Final = 0.25
_GAP_S: Final = 5.0
_DIRECTORY_S: Final = 10.0
_NOTICES_S: Final = 5.0
_CLOCKS_S: Final = 2.0
_RETRY_S: Final = 1.0
_WITNESS_S: Final = 1.0
_MOST: Final = 256
_LOOK_AGAIN_S: Final = 60.0


class GatewayService:
    """Runs one home until ``stop`` is set. Starts without a server, and waits for one."""

    def __init__(self, gateway: Gateway, url: str | None = None, watch: GatewayWatch | None = None) -> None:
        self._gateway = gateway
        self._watch = watch or UnwatchedGateway()
        self._home = gateway.home
        self._url = url
        self._noted: dict[str, int] = {}
        self._on_the_bus: dict[str, int] = {}
        """Ids and positions of what the bus has, and the outbox does not yet say so."""
        self._mark_at = 0.0

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Send and receive. A server that is away is waited for; a full disk leaves messages on the bus."""
        ready()
        bus = await self._connected(stop)
        if bus is None:
            return
        try:
            async with Publisher(bus) as publisher, self._puller(bus) as puller, asyncio.TaskGroup() as tasks:
                work = {
                    "send": self._send(publisher),
                    "receive": self._receive(puller),
                    "gaps": self._ask_for_gaps(),
                    "directory": self._refresh(bus),
                    "alarms": self._alarms(),
                }
                if not self._home.standby:
                    work |= {
                        "receipts": self._receipts(),
                        "notices": self._notify(),
                        "clocks": self._clocks(),
                        "witness": self._witness(Witnessing(self._home, bus, publisher)),
                    }
                workers = [tasks.create_task(one, name=name) for name, one in work.items()]
                _stop_if_asked()
                await stop.wait()
                for worker in workers:
                    worker.cancel()
        finally:
            await bus.close()

    def _puller(self, bus: Bus) -> Puller:
        me = self._home.member_id
        return Puller(bus, in_stream(shard_of(me, DEFAULT_SHARDS)), self._home.durable)

    async def _connected(self, stop: asyncio.Event) -> Bus | None:
        while not stop.is_set():
            try:
                return await connect(self._home.access(self._url))
            except UnavailableError as error:
                _log.info("waiting-for-the-bus", error=str(error))
                await asyncio.sleep(_RETRY_S)
        return None

    async def _send(self, publisher: Publisher) -> None:
        try:
            with self._home.store.bell() as bell, _heard(bell) as rung:
                while True:
                    seen = self._home.store.version()
                    rows = await self._stored(self._next_to_send)
                    if rows:
                        self._home.gap(6)
                        await self._send_all(publisher, rows)
                    if self._on_the_bus and (
                        len(self._on_the_bus) >= _MOST or time.monotonic() >= self._mark_at
                    ):
                        self._home.gap(7)
                        await self._stored(self._mark_sent)
                    if not rows:
                        await self._news(seen, rung)
        finally:
            with suppress(UnavailableError):
                self._mark_sent()

    def _next_to_send(self) -> list[OutRow]:
        with self._home.store.look() as work:
            waiting, heads = work.outbox.waiting(_MOST + len(self._on_the_bus)), work.outbox.chains()
        rows = [row for row in waiting if row.msg_id not in self._on_the_bus]
        if rows and heads != self._noted:
            # Before anything of it goes out: a database restored from an old copy is known by this.
            self._home.custody.note_chains(heads)
            self._noted = heads
        return rows

    async def _stored(self, step: Callable[[], T]) -> T:
        """Do one step on disk; a disk that is full or locked is waited for, never the end of the gateway."""
        while True:
            try:
                return step()
            except UnavailableError as error:
                _log.warning("not-stored", error=str(error))
                self._watch.waits("disk")
                await asyncio.sleep(_RETRY_S)

    async def _send_all(self, publisher: Publisher, rows: list[OutRow]) -> None:
        """Send these in their order: the author's chain must reach the router in its own. All at once if it can be."""
        started_ns = time.time_ns()
        messages = [Outgoing(row.subject, vouched(self._home, row), row.msg_id) for row in rows]
        try:
            await publisher.publish_batch(messages, in_order=True)
        except UnavailableError as error:
            # Singly then, so that one of them that the bus does not want holds up only what comes after it.
            _log.info("send-waits", error=str(error))
            for message in messages:
                await self._send_one(publisher, message)
        if not self._on_the_bus:
            self._mark_at = time.monotonic() + _MARK_S
        for row in rows:
            self._on_the_bus[row.msg_id] = row.position
            self._watch.sent(row.event_id, row.msg_id, started_ns)

    async def _send_one(self, publisher: Publisher, message: Outgoing) -> None:
        while True:
            _stop_if_asked()
            try:
                await publisher.publish(message)
                return
            except UnavailableError as error:
                _log.info("send-waits", error=str(error))
                self._watch.waits("bus")
                await asyncio.sleep(_RETRY_S)

    def _mark_sent(self) -> None:
        """Note what the bus has: once for all that went within a moment. Unnoted, it would only go again."""
        if self._on_the_bus:
            with self._home.store.work() as work:
                work.outbox.all_sent(self._on_the_bus, to_ms(self._home.clock()))
            self._on_the_bus = {}

    async def _news(self, seen: int, rung: asyncio.Event) -> None:
        """Wait until something was written, here or by another process; or until what went is to be noted."""
        while self._home.store.version() == seen:
            pause = _LOOK_S
            if self._on_the_bus:
                pause = min(pause, self._mark_at - time.monotonic())
                if pause <= 0:
                    return
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await rung.wait()
            rung.clear()

    async def _receive(self, puller: Puller) -> None:
        # A crash may have come between a delivery and what follows from it.
        self._say_what_follows(None)
        while True:
            batch = await puller.next_batch(_MOST)
            started_ns = time.time_ns()
            try:
                taken = self._gateway.receiving.take([delivery.data for delivery in batch])
            except UnavailableError:
                _log.exception("not-stored")
                self._watch.waits("disk")
                await asyncio.sleep(_RETRY_S)
                continue
            self._home.gap(3)
            await puller.ack_all(batch)
            self._watch.received(taken, len(batch), batch[-1].pending, started_ns)
            if self._gateway.orders.refusing.found:
                # An item came that is not as it should be: refused at once. What is missing shows by its staying away.
                await self._stored(self._gateway.orders.refusing.look)
            if moved := frozenset(self._gateway.orders.moved):
                self._say_what_follows(moved)

    def _say_what_follows(self, only: frozenset[bytes] | None) -> None:
        """What the policy releases or asks by itself, and that a history is whole: of every handover, or of these.

        One of which nothing can be said now holds up no other: it is looked at again a minute later.
        """
        moved = self._gateway.orders.moved
        if self._home.standby:
            moved.clear()
            return
        try:
            self._gateway.actions.release_by_policy(only)
            self._gateway.asking.ask_by_policy(only)
            self._gateway.actions.verify_whole(only)
            moved -= only or frozenset()
        except RejectedError as error:
            if only is not None and len(only) == 1:
                _log.warning("not-said", code=error.code)
                moved -= only
                return
            for one in only or [view.handover for view in self._gateway.actions.handovers()]:
                self._say_what_follows(frozenset({one}))
        except UnavailableError as error:
            # Said at the next delivery: the whole history is there and stays there.
            _log.warning("not-stored", error=str(error))

    async def _receipts(self) -> None:
        while True:
            await asyncio.sleep(_RECEIPTS_S)
            try:
                await self._stored(self._gateway.receipting.sign_owed)
            except NoKeyError:
                # Kept until there is a key again; what comes in is taken in all the same.
                await asyncio.sleep(_DIRECTORY_S)

    async def _ask_for_gaps(self) -> None:
        """A number that has not come for five seconds is asked for; stream order means nothing, so not at once."""
        before: list[int] = []
        looked = time.monotonic()
        while True:
            await asyncio.sleep(_GAP_S)
            if time.monotonic() - looked > _LOOK_AGAIN_S:
                # What hung on something else than its own messages: on policy, on a disk that was full.
                self._say_what_follows(None)
                looked = time.monotonic()
            with suppress(NoKeyError):
                await self._stored(self._gateway.orders.reconsider)
                await self._stored(self._gateway.orders.refusing.look)
            if sent_again := await self._stored(partial(send_again, self._home)):
                _log.warning("sent-again", events=sent_again)
            gaps = await self._stored(self._gateway.receiving.gaps)
            overdue = [number for number in gaps if number in before]
            before = gaps
            if overdue:
                self._watch.gaps(len(overdue))
                with suppress(NoKeyError):
                    await self._stored(partial(self._ask, overdue))

    async def _notify(self) -> None:
        """Tell people of what is owed. A mail server that is away holds up nothing else."""
        with Notifying(self._home, self._gateway.publishing) as notifying:
            while True:
                await notifying.tick()
                await asyncio.sleep(_NOTICES_S)

    async def _clocks(self) -> None:
        """What has come starts and meets what somebody owes: beside the messages, at most half of the time."""
        clocking = self._gateway.clocking
        while True:
            began = time.monotonic()
            try:
                more = await asyncio.to_thread(clocking.look)
                with suppress(NoKeyError):
                    await asyncio.to_thread(self._gateway.obliging.say)
            except UnavailableError as error:
                _log.warning("not-stored", error=str(error))
                more = False
            await asyncio.sleep(time.monotonic() - began if more else _CLOCKS_S)

    async def _alarms(self) -> None:
        """Beside the messages, and at most a twentieth of the time: a long record takes long to look over."""
        alarming = Alarming(self._home, Watching(self._home, self._gateway.places), self._watch)
        pause = EVERY_S
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                await asyncio.to_thread(alarming.look)
            except UnavailableError as error:
                _log.warning("not-stored", error=str(error))
            pause = max(EVERY_S, 20 * (time.monotonic() - began))

    def _ask(self, numbers: list[int]) -> None:
        now_ms = to_ms(self._home.clock())
        request = Resend(self._home.member_id, tuple(numbers), now_ms)
        signed = sign(self._home.signer(), Resend.LABEL, request.to_bytes())
        with self._home.store.work() as work:
            self._gateway.publishing.control(work, OutKind.RESEND, signed, Lane.URGENT, f"resend.{now_ms}")
        _log.warning("gap", missing=len(numbers))

    async def _witness(self, witnessing: Witnessing) -> None:
        while True:
            await witnessing.look()
            _stop_if_asked()
            await asyncio.sleep(_WITNESS_S)

    async def _refresh(self, bus: Bus) -> None:
        """Take up a newer directory from the bus; a change on this machine's disk is noticed by itself."""
        seen = b""
        while True:
            try:
                stored = await last_message(bus, DIRECTORY_STREAM, DIRECTORY)
            except UnavailableError:
                stored = None
            _stop_if_asked()
            if stored is not None and (digest := hashlib.sha256(stored.data).digest()) != seen:
                seen = digest
                self._adopt(stored.data)
            await asyncio.sleep(_DIRECTORY_S)

    def _adopt(self, signed: bytes) -> None:
        current = self._home.directory
        verdict = self._home.consider(signed, self._home.clock())
        if isinstance(verdict, Accept) and verdict.directory.version > current.version:
            write_whole(self._home.folder / "directory.bin", signed)
            _log.info("directory", version=verdict.directory.version)


@contextmanager
def _heard(bell: Bell) -> Iterator[asyncio.Event]:
    """An event that is set whenever the bell rings."""
    rung, loop = asyncio.Event(), asyncio.get_running_loop()

    def hear() -> None:
        bell.silence()
        rung.set()

    if bell.fileno() >= 0:
        loop.add_reader(bell.fileno(), hear)
    try:
        yield rung
    finally:
        if bell.fileno() >= 0:
            loop.remove_reader(bell.fileno())


def _stop_if_asked() -> None:
    """The bus's library may swallow a cancellation while it connects or asks: it must end this task all the same."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
