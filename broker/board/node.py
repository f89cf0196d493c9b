"""The running node and its home.

What a crash means at each numbered gap (``broker.faults``):

* gap 1, before the entries commit: nothing was acknowledged; the bus delivers again.
* gap 2, committed, not acknowledged: the entries come again and are there already.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from broker.audit.log import entry_of
from broker.audit.projection import BoardKeys, Projection
from broker.audit.relearning import rebuild
from broker.audit.witnesses import counts
from broker.audit.writers import by_its_writer
from broker.board.line import Line, OneTimeLine, kept_line
from broker.bus.connection import Access, Bus, connect
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.puller import Delivery, Puller
from broker.bus.streams import last_message
from broker.bus.subjects import WITNESSED, asked_subject
from broker.bus.topology import AUDIT, HEADS, audit_durable
from broker.config import read_card
from broker.crypto.directories import reopen_directory
from broker.crypto.errors import MalformedError
from broker.crypto.keyring import Keyring, load_keyring
from broker.crypto.keys import SigningKey
from broker.crypto.notes import Head, Note
from broker.crypto.storage import make_private_folder
from broker.crypto.tree import leaf_hash
from broker.crypto.vault import Vault
from broker.durable import write_whole
from broker.errors import ConfigurationError, UnavailableError
from broker.faults import Gap, no_gap
from broker.progress import Tells, say_progress
from broker.store.audit.rows import Came
from broker.store.audit.store import AuditStore
from broker.store.overview import board_database
from broker.telemetry.watching import BoardWatch, UnwatchedBoard
from broker.wiring import DirectoryFile
from schemas.directory import Directory

_log = structlog.get_logger()
_DIRECTORIES: Final = "directories"
_RETRY_S: Final = 1.0
_HEADS_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class BoardHome:
    """A board's home: the same folder as its gateway's, and ``audit.db``."""

    folder: Path
    board: str
    keyring: Keyring
    directory: DirectoryFile
    line: Line
    """How its questions come to the trail."""

    @classmethod
    def open(cls, folder: Path) -> "BoardHome":
        """Open a home. Raises ConfigurationError where it is not a board's, or damaged."""
        card = read_card(folder)
        if card.kind != "board":
            raise ConfigurationError(f"{folder} is the home of a {card.kind}, not of a board")
        directory, keyring = DirectoryFile(folder / "directory.bin"), load_keyring(folder / "keys")
        return cls(folder, card.id, keyring, directory, OneTimeLine(folder, card.id))

    @contextmanager
    def with_a_line(self) -> Iterator["BoardHome"]:
        """The same home for a program that stays and asks often: one connection, kept while the block runs."""
        with kept_line(self.folder, self.board) as line:
            yield replace(self, line=line)

    def areas(self) -> frozenset[str]:
        """The areas that this board answers for."""
        member = self.directory().member(self.board)
        return frozenset(member.areas) if member is not None else frozenset()

    def signer(self, now: datetime) -> SigningKey:
        """The board's own key, to sign an export. Raises ConfigurationError where none is good now."""
        member = self.directory().member(self.board)
        published = member.keys if member is not None else ()
        return self.keyring.sign_key(str(key.key_id) for key in published if key.usable(now))

    def store(self, tells: Tells = say_progress) -> AuditStore:
        """Its query store: ``audit.db``, or the PostgreSQL database whose URL stands in ``database.url``.

        What another version of the program learnt from the trail is learnt anew first, which ``tells`` says.
        """
        store = self.store_as_it_is()
        if store.stale:
            rebuild(self.projection(), store, tells=tells)
        return store

    def store_as_it_is(self) -> AuditStore:
        """The same, whichever version of the program learnt what is there: for whoever learns it anew at once."""
        return AuditStore(board_database(self.folder))

    def keep_directory(self) -> None:
        """Keep the version in use, so that decisions that were taken under it can be taken again years later."""
        version = self.directory().version
        kept = self.folder / _DIRECTORIES / f"{version}.bin"
        if not kept.exists():
            make_private_folder(kept.parent)
            data = (self.folder / "directory.bin").read_bytes()
            if reopen_directory(data).version == version:
                write_whole(kept, data)

    def directory_of(self, version: int) -> Directory | None:
        """A version of the directory, where this node has kept it."""
        if version == self.directory().version:
            return self.directory()
        try:
            return reopen_directory((self.folder / _DIRECTORIES / f"{version}.bin").read_bytes())
        except FileNotFoundError:
            return None

    def projection(self) -> Projection:
        """What turns entries into answers."""
        return Projection(
            BoardKeys(
                self.board,
                self.keyring.kems,
                Vault(self.keyring.secret("vault")),
                lambda key_id: self.directory().public_of(key_id),
                self._owner_of,
            )
        )

    def _owner_of(self, key_id: str) -> str | None:
        key = self.directory().key(key_id)
        return None if key is None else str(key.owner)


def asked_message(board: str, number: int, body: bytes) -> Outgoing:
    """A question's message; sent twice it is stored once."""
    return Outgoing(asked_subject(board), body, f"asked.{board}.{number}")


class BoardService:
    """Follows AUDIT until ``stop`` is set."""

    def __init__(
        self,
        home: BoardHome,
        store: AuditStore,
        url: str | None,
        watch: BoardWatch | None = None,
        gap: Gap = no_gap,
    ) -> None:
        self._gap = gap
        self._watch = watch or UnwatchedBoard()
        self._home = home
        self._store = store
        self._url = url
        self._projection = home.projection()

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Take entries in. A server that is away is waited for."""
        self._home.keep_directory()
        ready()
        bus = await self._connected(stop)
        if bus is None:
            return
        try:
            async with Puller(bus, AUDIT, audit_durable(self._home.board)) as puller:
                work = [
                    asyncio.create_task(one)
                    for one in (self._follow(puller), self._heads(bus), self._questions(bus))
                ]
                stopping = asyncio.create_task(stop.wait())
                await asyncio.wait([*work, stopping], return_when=asyncio.FIRST_COMPLETED)
                for task in work:
                    task.cancel()
                    if task.done() and not task.cancelled():
                        task.result()
        finally:
            await bus.close()

    async def _follow(self, puller: Puller) -> None:
        async for batch in puller.batches():
            while not self._keep(batch):  # noqa: ASYNC110  nobody could wake us: the disk does not say when it has room
                await asyncio.sleep(_RETRY_S)
            self._gap(2)
            self._home.keep_directory()
            for delivery in batch:
                await puller.ack(delivery)
            self._watch.kept(len(batch), batch[-1].pending)

    def _keep(self, batch: list[Delivery]) -> bool:
        """Store a batch, all of it or nothing. False where the disk took no write: the batch waits, none is skipped."""
        try:
            with self._store.work() as work:
                came = [Came(by_its_writer(one.subject, one.data), one.sequence - 1) for one in batch]
                self._projection.take_all(work, came)
                # Entry n - 1 of the log is message n of AUDIT: so this node has a tree of its own.
                work.add_leaves(
                    (delivery.sequence - 1, leaf_hash(entry_of(delivery.sequence, one.body)))
                    for delivery, one in zip(batch, came, strict=True)
                )
                self._gap(1)
        except UnavailableError:
            _log.exception("entries-not-stored")
            return False
        return True

    async def _heads(self, bus: Bus) -> None:
        """Keep each head that counts. One that does not is left alone: the newest good one still proves what it did."""
        seen = b""
        while True:
            with contextlib.suppress(UnavailableError):
                stored = await last_message(bus, HEADS, WITNESSED)
                if stored is not None and stored.data != seen:
                    self._keep_head(stored.data)
                    seen = stored.data
            await asyncio.sleep(_HEADS_S)

    async def _questions(self, bus: Bus) -> None:
        """Questions that could not be written to the log when they were asked: once the bus is back, they are."""
        async with Publisher(bus) as publisher:
            while True:
                await asyncio.sleep(_HEADS_S)
                with contextlib.suppress(UnavailableError):
                    with self._store.work() as work:
                        waiting = work.unlogged()
                    for question, number, body in waiting:
                        sequence = await publisher.publish(asked_message(self._home.board, number, body))
                        with self._store.work() as work:
                            work.is_logged(question, sequence)

    def _keep_head(self, data: bytes) -> None:
        try:
            note = Note.from_bytes(data)
            size = Head.from_text(note.text).size
        except MalformedError:
            _log.warning("not-a-head", bytes=len(data))
            return
        if not counts(note, self._home.directory()):
            _log.warning("head-does-not-count", size=size)
            return
        with self._store.work() as work:
            work.add_head(size, note.to_text())

    async def _connected(self, stop: asyncio.Event) -> Bus | None:
        folder = self._home.folder / "nats"
        while not stop.is_set():
            try:
                url = self._url or (folder / "url").read_text()
                return await connect(Access.in_folder(folder, self._home.board, url))
            except (UnavailableError, FileNotFoundError):
                await asyncio.sleep(_RETRY_S)
        return None
