"""The audit service: AUDIT into the log, heads out to witnesses, witnessed heads out to everybody.

Nothing waits for it. While it is away, or its disk is full, entries lie on AUDIT, and come when it is back.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import structlog

from broker.audit.gaps import Numbers
from broker.audit.log import Log, LogBrokenError, entry_of
from broker.audit.tiles import WIDTH
from broker.audit.witnesses import ENOUGH, bodies
from broker.audit.writers import by_its_writer
from broker.bus.answering import answering
from broker.bus.connection import Access, Bus, connect
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Delivery, Puller
from broker.bus.streams import get_message, last_message
from broker.bus.subjects import GAP, HEAD, PROOF, WITNESSED
from broker.bus.topology import AUDIT, COSIGNATURES, HEADS, LOG
from broker.clock import system_clock, to_ms
from broker.crypto.errors import MalformedError
from broker.crypto.notes import Head, Note, NoteSignature
from broker.errors import UnavailableError
from broker.faults import Gap, no_gap
from schemas import canonical
from schemas.directory import Directory
from schemas.proofs import ProofAnswer, ProofQuestion
from schemas.reading import MalformedMessageError

T = TypeVar("T")

_log = structlog.get_logger()
_MOST: Final = 2048
_RETRY_S: Final = 1.0
_MISSING_S: Final = 3.0
"""So long a message may be overtaken by later ones before it is looked for."""
_COUNT_EVERY: Final = 20_000
"""After so many entries the count of their numbers is kept: no start reads many more."""
_LOOK_PAUSE_S: Final = 0.01
"""Between two bundles of 256 entries that are looked over, in seconds: what comes in goes first."""
_OFFER_S: Final = 5.0
"""So long a head stays on offer while its witnesses are slow; without pause in the stream the next one waits for it."""


@dataclass(frozen=True, slots=True)
class LogParts:
    """What the service is made of."""

    log: Log
    access: Callable[[], Access]
    directory: Callable[[], Directory]
    gap: Gap = no_gap
    patience_s: float = 30.0
    """So long a number may come after a later one; then it is a gap, and that is written down."""


class LogService:
    """Writes one log until ``stop`` is set. Starts without a server, and waits for one."""

    def __init__(self, parts: LogParts) -> None:
        self._parts = parts
        self._log = parts.log
        self._numbers = Numbers()
        self._counted = 0
        """Up to which size the count of numbers is kept on disk."""
        self._knows = False
        """Whether the numbers of all that the log holds are counted."""
        self._early: dict[int, Delivery] = {}
        self._grown = asyncio.Event()
        self._offered: Note | None = None
        self._cosigned: dict[str, NoteSignature] = {}
        self._enough = asyncio.Event()
        self.ended = asyncio.Event()
        """Set when the service has ended, by itself or because it was asked to."""
        self.looked_over = asyncio.Event()
        """Set when every entry that was there at the start was found to be what the tree says."""

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Write the log. Raises LogBrokenError where the bus holds another past than the log."""
        ready()
        bus = await self._connected(stop)
        if bus is None:
            return
        try:
            async with (
                Publisher(bus) as publisher,
                Puller(bus, AUDIT, LOG, batch=_MOST) as entries,
                Puller(bus, COSIGNATURES, LOG) as cosignatures,
            ):
                work = asyncio.create_task(self._work(bus, publisher, entries, cosignatures))
                stopping = asyncio.create_task(stop.wait())
                await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
                for task in (work, stopping):
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
        finally:
            if self._knows and self._log.head.size > self._counted:
                self._keep_count()
            self.ended.set()
            await bus.close()

    async def _work(self, bus: Bus, publisher: Publisher, entries: Puller, cosignatures: Puller) -> None:
        await asyncio.to_thread(self._count)
        self._knows = True
        await self._meet_the_past(bus)
        try:
            async with answering(bus, PROOF, self.prove), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take(bus, entries), name="take")
                tasks.create_task(self._offer(publisher), name="offer")
                tasks.create_task(self._tell_of_gaps(publisher), name="gaps")
                tasks.create_task(self._collect(cosignatures), name="collect")
                tasks.create_task(self._look_over(), name="look over")
        except BaseExceptionGroup as group:
            broken = group.subgroup(LogBrokenError)
            if broken is None:
                raise
            raise _first(broken) from group

    def _count(self) -> None:
        """Which numbers the log holds already: as they were kept, and from the entries that have come since."""
        kept, now = self._log.kept_aside(), time.monotonic()
        if kept is not None:
            self._counted = kept[0]
            self._numbers = Numbers.from_bytes(kept[1], now)
        self._numbers.take(self._log.entries(self._counted, self._log.head.size), now)

    def _keep_count(self) -> None:
        """A start that finds it reads the entries since. Killed before, it reads more of them, and finds the same."""
        try:
            self._log.keep_aside(self._numbers.to_bytes())
        except UnavailableError as error:
            _log.warning("count-not-kept", error=str(error))
        self._counted = self._log.head.size

    async def _look_over(self) -> None:
        """Hold the entries on disk against the tree, once, while the service is at work. Raises LogBrokenError."""
        for number in range(self._log.head.size // WIDTH):
            await asyncio.to_thread(self._log.look_over, number)
            await asyncio.sleep(_LOOK_PAUSE_S)
        self.looked_over.set()

    async def _meet_the_past(self, bus: Bus) -> None:
        """What was once published still holds: an older copy of the log catches up first, another log never starts."""
        published = await _patiently(lambda: last_message(bus, HEADS, HEAD))
        if published is None:
            return
        head = Head.from_text(Note.from_bytes(published.data).text)
        while self._log.head.size < head.size:
            first = self._log.head.size + 1
            last = min(head.size, first + _MOST - 1)
            found = [await self._fetched(bus, number) for number in range(first, last + 1)]
            await self._append(found)
        if self._log.root_at(head.size) != head.root:
            raise LogBrokenError(
                f"the log was once signed with {head.size} entries and another root than AUDIT and the tiles give now. "
                "The service does not start, so that there are never two logs. Compare the copies with a board's node."
            )

    async def _take(self, bus: Bus, puller: Puller) -> None:
        """Entries in the order of the stream; what came early waits for what is before it."""
        while True:
            try:
                async with asyncio.timeout(_MISSING_S if self._early else None):
                    batch = await puller.next_batch(_MOST)
            except TimeoutError:
                await self._step_over(bus)
                batch = []
            known = self._log.head.size
            self._early |= {delivery.sequence: delivery for delivery in batch if delivery.sequence > known}
            fresh = list(self._in_order())
            if fresh:
                await self._append(
                    [entry_of(one.sequence, by_its_writer(one.subject, one.data)) for one in fresh]
                )
            for delivery in (*(one for one in batch if one.sequence <= known), *fresh):
                await puller.ack(delivery)
            self._parts.gap(3)

    def _in_order(self) -> Iterator[Delivery]:
        wanted = self._log.head.size + 1
        while (delivery := self._early.pop(wanted, None)) is not None:
            yield delivery
            wanted += 1

    async def _step_over(self, bus: Bus) -> None:
        """A message that does not come is asked for by number; if the bus has it no more, the log says so."""
        wanted = self._log.head.size + 1
        await self._append([await self._fetched(bus, wanted)])
        self._early.pop(wanted, None)

    async def _fetched(self, bus: Bus, sequence: int) -> bytes:
        stored = await _patiently(lambda: get_message(bus, AUDIT, sequence))
        if stored is None:
            _log.error("entry-lost-by-the-bus", sequence=sequence)
        return entry_of(sequence, None if stored is None else by_its_writer(stored.subject, stored.data))

    async def _append(self, entries: list[bytes]) -> None:
        while True:
            try:
                self._log.append(entries)
            except UnavailableError as error:
                _log.warning("entries-not-stored", error=str(error))
                await asyncio.sleep(_RETRY_S)
            else:
                self._numbers.take(entries, time.monotonic())
                if self._log.head.size - self._counted >= _COUNT_EVERY:
                    self._keep_count()
                self._grown.set()
                return

    async def _tell_of_gaps(self, publisher: Publisher) -> None:
        """Each gap becomes an entry, one at a time: the next only when the last one is in the log.

        Killed in between, it finds its own entry in the log, or writes it again under the same number.
        """
        while True:
            await asyncio.sleep(min(_RETRY_S, self._parts.patience_s))
            found = self._numbers.due(time.monotonic() - self._parts.patience_s)
            if found is None:
                continue
            number = self._numbers.written + 1
            entry = self._numbers.entry(found, to_ms(system_clock()))
            _log.error("numbers-missing", partition=found.partition, first=found.first, last=found.last)
            await _patiently(partial(publisher.publish, Outgoing(GAP, entry, f"{GAP}.{number}")))
            while self._numbers.written < number:  # noqa: ASYNC110  it comes back by the stream, like any entry
                await asyncio.sleep(_RETRY_S / 10)

    async def _offer(self, publisher: Publisher) -> None:
        """One head at a time, so that witnesses meet at the same one."""
        self._grown.set()
        while True:
            await self._grown.wait()
            self._grown.clear()
            if (note := self._log.note) is None:
                continue
            self._offered, self._cosigned = note, {}
            self._enough.clear()
            await self._publish(publisher, HEAD, note)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_OFFER_S):
                    await self._enough.wait()
                await self._publish(publisher, WITNESSED, note.with_signatures(self._cosigned.values()))

    async def _publish(self, publisher: Publisher, subject: str, note: Note) -> None:
        size = Head.from_text(note.text).size
        await _patiently(
            lambda: publisher.publish(Outgoing(subject, note.to_text().encode(), f"{subject}.{size}"))
        )

    async def _collect(self, puller: Puller) -> None:
        async for batch in puller.batches():
            for delivery in batch:
                self._consider(delivery.data)
                await puller.ack(delivery)

    def _consider(self, data: bytes) -> None:
        try:
            note = Note.from_bytes(data)
        except MalformedError:
            return
        if self._offered is not None and note.text == self._offered.text:
            self._cosigned |= bodies(note, self._parts.directory())
            if len(self._cosigned) >= ENOUGH:
                self._enough.set()

    def prove(self, question: bytes) -> bytes:
        """The answer to one question for a proof; an empty one where there is none."""
        try:
            asked = ProofQuestion.from_bytes(question)
            return ProofAnswer(tuple(self._log.consistency(asked.old, asked.new))).to_bytes()
        except (canonical.NotCanonicalError, MalformedMessageError, ValueError):
            return b""

    async def _connected(self, stop: asyncio.Event) -> Bus | None:
        while not stop.is_set():
            try:
                return await connect(self._parts.access())
            except (UnavailableError, FileNotFoundError):
                await asyncio.sleep(_RETRY_S)
        return None


def _first(group: BaseException) -> BaseException:
    """One of what came together."""
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


async def _patiently(step: Callable[[], Awaitable[T]]) -> T:
    """Ask the bus until it answers."""
    while True:
        try:
            return await step()
        except UnavailableError as error:
            _log.info("waiting-for-the-bus", error=str(error))
            await asyncio.sleep(_RETRY_S)
