"""The log of one exchange on disk: entries in tiles, and the head that was last signed over them.

Message n of AUDIT is entry n - 1. What a crash means at each numbered gap (``broker.faults``):

* gap 1, tiles written, head not signed: the tiles reach beyond the head; the same entries come and are written again.
* gap 2, head signed, message not acknowledged: the bus delivers it again, and it is in the log already.
* gap 3, acknowledged, head not published: it is published at the next start.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from broker.audit.tiles import MOST_BYTES, Tiles
from broker.audit.writers import MARK_VERSION
from broker.crypto.errors import MalformedError
from broker.crypto.keys import SigningKey, signature_holds
from broker.crypto.notes import Head, Note, NoteKey, sign_head
from broker.crypto.storage import make_private_folder
from broker.crypto.tree import EMPTY_ROOT, consistency_proof, root_at
from broker.durable import write_whole
from broker.errors import ConfigurationError, TamperedError, UnavailableError
from broker.faults import Gap, no_gap
from broker.progress import Progress, Tells, untold
from schemas import canonical

_LOST, _TOO_LONG = "lost", "too long"
_ASIDE: Final = "handrail log aside"
"""What is so signed begins unlike a head, and is none."""
_SIGNATURE: Final = 64


class LogBrokenError(TamperedError):
    """The log on disk is not what its last signed head says. Nothing is written; a person must look."""


def entry_of(sequence: int, message: bytes | None) -> bytes:
    """The log's entry for one message, ``by_its_writer``; None: the bus has lost it. Pure, so that mirrors agree."""
    if message is None:
        return canonical.encode([MARK_VERSION, _LOST, sequence])
    if len(message) > MOST_BYTES:
        return canonical.encode([MARK_VERSION, _TOO_LONG, sequence, hashlib.sha256(message).digest()])
    return message


class Log:
    """An opened log. Not safe for two writers: ``open_log`` keeps a second one out."""

    def __init__(self, folder: Path, origin: str, key: SigningKey, gap: Gap, tells: Tells) -> None:
        self._path = folder / "checkpoint"
        self._aside = folder / "aside"
        self._damage = folder / "damaged"
        self._origin = origin
        self._key = key
        self._gap = gap
        self.note = self._last_signed()
        self.head = Head(origin, 0, EMPTY_ROOT) if self.note is None else Head.from_text(self.note.text)
        self._tiles = Tiles(folder, self.head.size)
        self._check(tells("Holding the log against its head"))

    def append(self, entries: Sequence[bytes]) -> Head:
        """Add entries and sign the head over them; both durable on return.

        Raises:
            UnavailableError: the disk took no write. The log is what it was: try again with the same entries.
        """
        self._tiles.append(entries)
        self._gap(1)
        head = Head(self._origin, self._tiles.size, root_at(self._tiles.subtree, self._tiles.size))
        note = sign_head(head, self._key)
        try:
            write_whole(self._path, note.to_text().encode())
        except OSError as error:
            self._tiles.size = self.head.size
            raise UnavailableError(f"the log's disk took no write: {error.strerror}") from error
        self._gap(2)
        self.head, self.note = head, note
        return head

    def root_at(self, size: int) -> bytes:
        """The root that this log had at an earlier size. Raises ValueError for one that it never had."""
        if not 0 <= size <= self.head.size:
            raise ValueError(f"this log never held {size} entries")
        return root_at(self._tiles.subtree, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the log of ``new`` entries continues that of ``old``. Raises ValueError."""
        if new > self.head.size:
            raise ValueError(f"this log never held {new} entries")
        return consistency_proof(self._tiles.subtree, old, new)

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Entries from ``start`` up to ``end``."""
        return self._tiles.entries(start, min(end, self.head.size))

    @property
    def bundles(self) -> int:
        """How many bundles its entries lie in."""
        return self._tiles.bundles

    def look_over(self, number: int) -> None:
        """Hold the entries of one bundle against the tree. May run beside ``append``.

        Raises:
            LogBrokenError: they are others. The log is not opened again either, before they are what they were.
        """
        try:
            self._tiles.verify_entries(number)
        except TamperedError as error:
            with contextlib.suppress(OSError):
                write_whole(self._damage, str(number).encode())
            raise self._damaged(error) from error

    def keep_aside(self, content: bytes) -> None:
        """Keep what was worked out from the entries up to the head, signed, so that it need not be again.

        Raises:
            UnavailableError: the disk took no write.
        """
        held = canonical.encode([_ASIDE, self.head.size, self.head.root, content])
        try:
            write_whole(self._aside, self._key.sign(held) + held)
        except OSError as error:
            raise UnavailableError(f"the log's disk took no write: {error.strerror}") from error

    def kept_aside(self) -> tuple[int, bytes] | None:
        """What was kept, and up to which size; None where there is none of this very log, whole and signed."""
        try:
            data = self._aside.read_bytes()
            signature, held = data[:_SIGNATURE], data[_SIGNATURE:]
            if not signature_holds(self._key.public, held, signature):
                return None
            label, size, root, content = canonical.decode(held)
        except (FileNotFoundError, ValueError, canonical.NotCanonicalError):
            return None
        same = label == _ASIDE and size <= self.head.size and self.root_at(size) == root
        return (size, content) if same else None

    def _last_signed(self) -> Note | None:
        try:
            note = Note.from_bytes(self._path.read_bytes())
            head = Head.from_text(note.text)
        except FileNotFoundError:
            return None
        except MalformedError as error:
            raise LogBrokenError(
                f"{self._path} is damaged: it is not the head of a log. {_ADVICE}"
            ) from error
        if head.origin != self._origin or not NoteKey(self._origin, self._key.public).signed(note):
            raise LogBrokenError(f"{self._path} does not bear this log's signature. {_ADVICE}")
        return note

    def _check(self, progress: Progress) -> None:
        """The tiles reproduce the last signed head, from the leaves up; the entries are looked over at work."""
        try:
            self._tiles.verify_hashes(progress)
            self._mended()
            found = root_at(self._tiles.subtree, self.head.size)
        except TamperedError as error:
            raise self._damaged(error) from error
        if found != self.head.root:
            raise LogBrokenError(
                f"the tiles below {self._path.parent} do not give the root that was signed for "
                f"{self.head.size} entries. {_ADVICE}"
            )

    def _mended(self) -> None:
        """What was found damaged at work holds again. Raises TamperedError."""
        with contextlib.suppress(FileNotFoundError):
            self._tiles.verify_entries(int(self._damage.read_text()))
            self._damage.unlink()

    def _damaged(self, error: TamperedError) -> LogBrokenError:
        return LogBrokenError(f"the log below {self._path.parent} is damaged: {error}. {_ADVICE}")


_ADVICE: Final = (
    "The service does not start, so that nothing is signed over it. Keep the folder as evidence; move it aside, and "
    "the log is built again from AUDIT: witnesses and boards will say whether it is the same one."
)


@contextlib.contextmanager
def open_log(
    folder: Path, origin: str, key: SigningKey, gap: Gap = no_gap, tells: Tells = untold
) -> Iterator[Log]:
    """Open a log for writing, alone; ``tells`` how far looking at it has come.

    Raises:
        ConfigurationError: another process writes it.
        LogBrokenError: it is not what its last head says.
    """
    make_private_folder(folder)
    handle = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(f"the log in {folder} is being written by another process") from error
        yield Log(folder, origin, key, gap, tells)
    finally:
        os.close(handle)
