"""The board's own tree over the trail as it came to this node, held against the newest head that counts."""

from dataclasses import dataclass
from typing import Final

from broker.audit.witnesses import bodies, counts, log_key
from broker.crypto.notes import Head, Note
from broker.crypto.tree import Subtree, inclusion_proof, leaf_hash, root_at, root_of
from broker.errors import TamperedError, UnavailableError
from broker.store.audit.store import AuditWork
from schemas.directory import Directory


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
        missing = work.first_missing(head.size)
        if missing is not None:
            raise NoHeadError(
                f"not all of the {head.size} entries that were signed have reached this node; the first that is "
                f"missing is number {missing} of the log"
            )
        mirror = cls(head, note, tuple(sorted(bodies(note, directory))), work.subtree)
        if root_at(mirror.subtree, head.size) != head.root:
            raise _broken(head)
        return mirror

    def proof(self, index: int) -> list[bytes]:
        """That the entry at ``index`` is in the tree."""
        return inclusion_proof(self.subtree, index, self.head.size)

    def verify(self, work: AuditWork) -> None:
        """Compute the whole tree anew, from the leaves up, and hold each entry against its leaf. Raises NotTheLogError."""
        leaves = work.leaves(self.head.size)
        if root_of([leaf for _, leaf in leaves]) != self.head.root:
            raise _broken(self.head)
        hashes = dict(leaves)
        for came in work.every_mirrored():
            known = hashes.get(-1 if came.index is None else came.index)
            if known is not None and known != leaf_hash(came.body):
                raise NotTheLogError(
                    f"entry {came.index} at this node is not the one that the log has signed. {_ADVICE}"
                )


def _broken(head: Head) -> NotTheLogError:
    return NotTheLogError(
        f"the {head.size} entries at this node do not give the root that the log has signed. {_ADVICE}"
    )


_ADVICE: Final = (
    "Keep this node's folder as evidence, and call the operator of the exchange and another board"
)
