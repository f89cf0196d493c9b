"""A board's way to the exchange's trail: a connection for each message, or one that is kept.

A command puts one question and ends; a program that serves pages keeps a ``KeptLine``. What a question waits for is the
same with both: the bus's word that its entry is on disk.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from broker.bus.connection import Access, Bus, connect
from broker.bus.publisher import Outgoing, Publisher
from broker.errors import UnavailableError

_T = TypeVar("_T")
_WITHIN_S: Final = 10.0
_HELD_S: Final = 3.0
"""How long a connection that was there before may take to confirm before a new one is tried, in seconds."""


class Line(Protocol):
    """Puts messages on the trail from any thread that has no event loop of its own."""

    def publish(self, messages: Sequence[Outgoing]) -> list[int]:
        """In order, durable on return; gives the number of each on the stream.

        May be repeated with the same messages after any error: each is stored once. Raises UnavailableError or OSError.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneTimeLine:
    """Signs in anew each time. ``folder`` is the board's home."""

    folder: Path
    board: str

    def publish(self, messages: Sequence[Outgoing]) -> list[int]:
        """As ``Line``."""
        return asyncio.run(self._publish(messages))

    async def _publish(self, messages: Sequence[Outgoing]) -> list[int]:
        async with _open(self.folder, self.board) as held:
            return await held.put(messages)


@dataclass(frozen=True, slots=True)
class _Held:
    """A connection and what publishes on it."""

    bus: Bus
    publisher: Publisher

    async def put(self, messages: Sequence[Outgoing]) -> list[int]:
        return [await self.publisher.publish(one, within=_WITHIN_S) for one in messages]


class KeptLine:
    """One connection on a thread of its own, made when it is first needed and made anew when it is lost.

    Address, seed and certificate are read at each new sign-in, so that a renewed certificate or a bus that has moved
    needs no restart. Use ``kept_line``, which hangs up in the end.
    """

    def __init__(self, folder: Path, board: str) -> None:
        self._folder = folder
        self._board = board
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bus", daemon=True)
        self._signing_in = asyncio.Lock()
        self._held: tuple[_Held, AsyncExitStack] | None = None

    def publish(self, messages: Sequence[Outgoing]) -> list[int]:
        """As ``Line``; any number of threads at once."""
        return self._do(self._publish(messages))

    def start(self) -> None:
        """From here on it may be used."""
        self._thread.start()

    def close(self) -> None:
        """Hang up. Nothing may be published any more."""
        self._do(self._drop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, what: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    async def _publish(self, messages: Sequence[Outgoing]) -> list[int]:
        held = self._held[0] if self._held else None
        if held is not None and held.bus.connected:
            try:
                async with asyncio.timeout(_HELD_S):
                    return await held.put(messages)
            except (UnavailableError, TimeoutError):
                pass  # it may be half dead; the names of the messages make sending them again harmless
        held = await self._anew(held)
        try:
            return await held.put(messages)
        except UnavailableError:
            await self._drop(held)
            raise

    async def _anew(self, lost: _Held | None) -> _Held:
        """A new connection in the place of ``lost``; the one that somebody else has made meanwhile, if so."""
        async with self._signing_in:
            if self._held is None or self._held[0] is lost:
                await self._drop()
                stack = AsyncExitStack()
                self._held = await stack.enter_async_context(_open(self._folder, self._board)), stack
            return self._held[0]

    async def _drop(self, which: _Held | None = None) -> None:
        """Hang up: this connection alone if one is named, and only if it is still the one in use."""
        if self._held is not None and which in {None, self._held[0]}:
            (_, stack), self._held = self._held, None
            await stack.aclose()


@contextmanager
def kept_line(folder: Path, board: str) -> Iterator[KeptLine]:
    """A line that is kept while the block runs."""
    line = KeptLine(folder, board)
    line.start()
    try:
        yield line
    finally:
        line.close()


@contextlib.asynccontextmanager
async def _open(folder: Path, board: str) -> AsyncIterator[_Held]:
    nats = folder / "nats"
    bus = await connect(Access.in_folder(nats, board, (nats / "url").read_text()), attempts_for=_WITHIN_S)
    try:
        async with Publisher(bus) as publisher:
            yield _Held(bus, publisher)
    finally:
        await bus.close()
