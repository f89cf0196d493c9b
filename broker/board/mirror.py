"""The board's own tree over the trail as it came to this node, held against the newest head that counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from broker.audit.witnesses import bodies, counts, log_key
from broker.crypto.notes import Head, Note
from broker.crypto.tree import inclusion_proof, pair_up, root_at
from broker.errors import TamperedError, UnavailableError
from broker.store.audit.store import AuditWork
from schemas.directory import Directory


class NoHeadError(UnavailableError):
    """Nothing has been signed that this node could be held against."""


class NotTheLogError(TamperedError):
    """What came to this node is not what the log has signed. One of them was altered."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A tree that gives the signed root: what is in it, the log has signed and its witnesses have seen."""

    head: Head
    note: Note
    witnesses: tuple[str, ...]
    levels: tuple[tuple[bytes, ...], ...]

    @classmethod
    def of(cls, work: AuditWork, directory: Directory) -> "Mirror":
        """Compute the tree.

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
        leaves = work.leaves(head.size)
        if len(leaves) != head.size:
            missing = head.size - len(leaves)
            raise NoHeadError(
                f"{missing} of the {head.size} entries that were signed have not reached this node, the first of "
                f"them number {_first_missing(index for index, _ in leaves)} of the log"
            )
        levels = levels_of([leaf for _, leaf in leaves])
        mirror = cls(head, note, tuple(sorted(bodies(note, directory))), levels)
        if root_at(mirror.subtree, head.size) != head.root:
            raise NotTheLogError(
                f"the {head.size} entries at this node do not give the root that the log has signed. Keep this "
                "node's folder as evidence, and call the operator of the exchange and another board"
            )
        return mirror

    def subtree(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree."""
        return self.levels[level][index]

    def proof(self, index: int) -> list[bytes]:
        """That the entry at ``index`` is in the tree."""
        return inclusion_proof(self.subtree, index, self.head.size)


def levels_of(leaves: list[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """All perfect subtrees over these leaves, level by level."""
    levels = [tuple(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append(tuple(pair_up(below[: len(below) & ~1])))
    return tuple(levels)


def _first_missing(indexes: Iterable[int]) -> int:
    wanted = 0
    for index in indexes:
        if index != wanted:
            break
        wanted += 1
    return wanted
