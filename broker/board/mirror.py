"""The board's own tree over the trail as it came to this node, held against the newest head that counts."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final, TypeVar

from broker.audit.witnesses import bodies, counts, log_key
from broker.crypto.notes import Head, Note
from broker.crypto.tree import Subtree, inclusion_proof, leaf_hash, root_at, root_of
from broker.errors import TamperedError, UnavailableError
from broker.progress import Progress, Tells, untold
from broker.store.audit.store import AuditWork
from schemas.directory import Directory

T = TypeVar("T")
_TELL_EVERY: Final = 10_000


class NoHeadError(UnavailableError):
    """Nothing has been signed that this node could be held against."""


class NotTheLogError(TamperedError):
    """What came to this node is not what the log has signed. One of them was altered."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A tree that gives the signed root: what is in it, the log has signed and its witnesses have seen.

    Bound to the transaction in which it was read.
    """

    head: Head
    note: Note
    witnesses: tuple[str, ...]
    subtree: Subtree

    @classmethod
    def of(cls, work: AuditWork, directory: Directory) -> "Mirror":
        """Hold the hashes that were kept against the newest head that counts.

        Raises:
            NoHeadError: no head that counts has come, or entries of it are still on their way.
            NotTheLogError: the tree gives another root than was signed.
        """
        text = work.newest_head()
        if text is None:
            raise NoHeadError(
                "no signed head with two witnesses has reached this node yet: nothing can be proven so far"
                + ("" if log_key(directory) else "; this exchange has no log (`handrail log init` makes one)")
            )
        note = Note.from_text(text)
        head = Head.from_text(note.text)
        if not counts(note, directory):
            raise NotTheLogError(
                f"the newest head kept here ({head.size} entries) is not rightly signed any more"
            )
        mirror = cls(head, note, tuple(sorted(bodies(note, directory))), work.subtree)
        try:
            root = root_at(mirror.subtree, head.size)
        except KeyError as error:
            missing = work.first_missing(head.size)
            if missing is None:  # what was kept above the leaves is gone, and nobody but the disk had it
                raise _broken(head) from error
            raise NoHeadError(
                f"not all of the {head.size} entries that were signed have reached this node; the first that is "
                f"missing is number {missing} of the log"
            ) from error
        if root != head.root:
            raise _broken(head)
        return mirror

    def proof(self, index: int) -> list[bytes]:
        """That the entry at ``index`` is in the tree. Raises NotTheLogError: hashes that were here are gone."""
        try:
            return inclusion_proof(self.subtree, index, self.head.size)
        except KeyError as error:
            raise _broken(self.head) from error

    def verify(self, work: AuditWork, tells: Tells = untold) -> None:
        """Compute the whole tree anew, from the leaves up, and hold each entry against its leaf. Raises NotTheLogError."""
        size = self.head.size
        with closing(work.leaves(size)) as leaves:
            if root_of(_told(leaves, tells("Computing the log's tree"), size)) != self.head.root:
                raise _broken(self.head)
        with closing(work.entries_and_leaves(size)) as every:
            for index, body, known in _told(every, tells("Holding entries against it"), size):
                if known != leaf_hash(body):
                    raise NotTheLogError(
                        f"entry {index} at this node is not the one that the log has signed. {_ADVICE}"
                    )


def _told(things: Iterable[T], progress: Progress, total: int) -> Iterator[T]:
    for done, one in enumerate(things):
        if done % _TELL_EVERY == 0:
            progress(done, total)
        yield one
    progress(total, total)


def _broken(head: Head) -> NotTheLogError:
    return NotTheLogError(
        f"the {head.size} entries at this node do not give the root that the log has signed. {_ADVICE}"
    )


_ADVICE: Final = (
    "Keep this node's folder as evidence, and call the operator of the exchange and another board"
)
