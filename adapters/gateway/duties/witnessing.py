"""A gateway as a witness of the log: it remembers one head, and signs only what continues it.

It sees a size and a hash. What it remembers is on disk before its signature leaves, so that a restart, or an old copy
of the gateway's database, cannot make it sign two pasts; the file is not part of the database's backups for that reason.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from adapters.gateway.errors import NoKeyError
from adapters.gateway.home import Home
from broker.bus.connection import Bus
from broker.bus.publisher import Outgoing, Publisher
from broker.bus.streams import last_message
from broker.bus.subjects import HEAD, PROOF, cosign_subject
from broker.bus.topology import HEADS
from broker.clock import to_ms
from broker.crypto.errors import MalformedError
from broker.crypto.notes import Head, Note, NoteKey, cosign
from broker.crypto.tree import continues
from broker.durable import write_whole
from broker.errors import TamperedError, UnavailableError
from schemas.canonical import NotCanonicalError
from schemas.proofs import ProofAnswer, ProofQuestion
from schemas.reading import MalformedMessageError

_log = structlog.get_logger()

FILE: Final = "witness.head"


class ForkError(TamperedError):
    """The log has signed a head that does not continue one that it signed before. Both are kept; nothing is signed."""


class Witness:
    """One member's witness. ``proof`` asks the log how one size leads to another."""

    def __init__(self, home: Home, proof: Callable[[ProofQuestion], Awaitable[bytes]]) -> None:
        self._home = home
        self._proof = proof
        self._path = home.folder / FILE

    async def consider(self, data: bytes) -> Note | None:
        """The note with this member's cosignature, if the log has only grown; None where there is nothing to sign.

        Raises:
            ForkError: both heads bear the log's signature, and the new one does not continue the old one.
            UnavailableError: the log does not answer, or the disk takes no write.
            NoKeyError: this member has no signing key that is good now.
        """
        # 1. The log's own signature, by the key that the roots have named.
        log = self._home.directory.log
        try:
            note = Note.from_bytes(data)
            head = Head.from_text(note.text)
        except MalformedError:
            return None
        if log is None or head.origin != log.origin or not NoteKey(log.origin, log.key.public).signed(note):
            return None
        # 2. It continues what was seen before.
        last = self._last()
        seen = None if last is None else Head.from_text(last.text)
        if seen is not None and seen.origin == head.origin:
            if head.size < seen.size or head == seen:
                return None
            if not await self._continues(seen, head):
                self._keep(note, f"{FILE}.fork")
                raise ForkError(
                    f"log {head.origin} of {head.size} entries does not continue that of {seen.size}"
                )
        # 3. Remembered, then signed. A crash between: the same head is not signed again, the next one is.
        signer = self._home.signer()
        self._keep(note, FILE)
        now_s = to_ms(self._home.clock()) // 1000
        return Note(note.text, (cosign(note, str(self._home.member_id), signer, now_s),))

    async def _continues(self, seen: Head, head: Head) -> bool:
        if seen.size in (0, head.size):
            return seen.size == 0 or seen.root == head.root
        answer = await self._proof(ProofQuestion(seen.size, head.size))
        try:
            proof = ProofAnswer.from_bytes(answer).hashes
        except (NotCanonicalError, MalformedMessageError) as error:
            raise UnavailableError("the log gave no proof") from error
        return continues(seen.size, seen.root, head.size, head.root, proof)

    def _last(self) -> Note | None:
        try:
            return Note.from_bytes(self._path.read_bytes())
        except FileNotFoundError:
            return None

    def _keep(self, note: Note, name: str) -> None:
        try:
            write_whole(self._home.folder / name, note.to_text().encode())
        except OSError as error:
            raise UnavailableError(f"the disk took no write: {error.strerror}") from error


class Witnessing:
    """Looks at the newest head on the bus, and sends the cosignature."""

    def __init__(self, home: Home, bus: Bus, publisher: Publisher) -> None:
        self._home = home
        self._bus = bus
        self._publisher = publisher
        self._witness = Witness(home, self._ask)
        self._judged = b""

    async def look(self) -> None:
        """Judge the newest head, once. Whatever hinders it, the next look may do better: nothing waits for a witness."""
        stored = None
        try:
            stored = await last_message(self._bus, HEADS, HEAD)
            if stored is None or stored.data == self._judged:
                return
            note = await self._witness.consider(stored.data)
            self._judged = stored.data
            if note is not None:
                me = str(self._home.member_id)
                size = Head.from_text(note.text).size
                await self._publisher.publish(
                    Outgoing(cosign_subject(me), note.to_text().encode(), f"cosign.{me}.{size}")
                )
        except ForkError as error:
            self._judged = stored.data if stored else b""
            _log.error("log-forked", error=str(error))
        except (UnavailableError, NoKeyError) as error:
            _log.info("not-witnessed", error=str(error))

    async def _ask(self, question: ProofQuestion) -> bytes:
        return (await self._bus.request(PROOF, question.to_bytes())).data
