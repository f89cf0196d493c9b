"""Who wrote a message of AUDIT, by the subject on which the bus took it, and where each writer's entries are numbered.

The bus lets the router write ``audit.<partition>``, the audit service ``audit.gap``, and each board
``audit.asked.<board>``, and nobody anything else. What is not the router's stands in the log with its subject around
it, so that no board can write anything that reads as the router's. Pure.
"""

import hashlib
import re
from typing import Final

from broker.bus.subjects import GAP, MalformedSubjectError, asked_subject
from schemas import canonical
from schemas.audit import ENTRY_VERSION, GAPS
from schemas.envelope import ID_BYTES
from schemas.reading import MalformedMessageError, octets, rows, text

MARK_VERSION: Final = 0
"""Stands where an entry has its version, which is never 0."""
_BOARDS: Final = 1 << 47
_BOARD_BYTES: Final = 5
_OF: Final = "of"
_FOUR: Final = 0x84
_HEAD: Final = bytes([0x87, ENTRY_VERSION, 0x40 + ID_BYTES])
_MEMBER: Final = re.compile(r"m-[a-z2-7]{10}")
_ROUTER: Final = re.compile(r"audit\.[0-9]+")
_WIDTHS: Final = {24: 1, 25: 2, 26: 4, 27: 8}


def partition_of_board(board: str) -> int:
    """Where a board's questions are numbered: a partition of its own. Raises MalformedSubjectError."""
    if not _MEMBER.fullmatch(board):
        raise MalformedSubjectError(f"partition of {board!r}")
    return _BOARDS | int.from_bytes(hashlib.sha256(b"asked " + board.encode()).digest()[:_BOARD_BYTES], "big")


def by_its_writer(subject: str, message: bytes) -> bytes:
    """A message as the log has it: the router's own as it is, anybody else's with its subject around it."""
    if _ROUTER.fullmatch(subject):
        return message
    return canonical.encode([MARK_VERSION, _OF, subject, message])


def unwrapped(entry: bytes) -> tuple[bytes, str | None]:
    """An entry's own bytes, and the subject that stands around them; None: the router's.

    Raises:
        NotCanonicalError, MalformedMessageError: neither of both.
    """
    if entry[:1] != bytes([_FOUR]):
        return entry, None
    version, of, subject, inner = rows(canonical.decode(entry), 4, "entry of another writer")
    if version != MARK_VERSION or of != _OF:
        raise MalformedMessageError("entry: of no form that the log has")
    return octets(inner, None, "entry"), text(subject, "subject")


def may_stand(subject: str | None, partition: int) -> bool:
    """Whether an entry of this partition may have come on this subject."""
    if subject is None:
        return partition < GAPS
    if subject == GAP:
        return partition == GAPS
    board = subject.removeprefix(asked_subject(""))
    try:
        return subject != board and partition == partition_of_board(board)
    except MalformedSubjectError:
        return False


def place_of(entry: bytes) -> tuple[int, int] | None:
    """Partition and number of an entry of the log, read no further than that; None: it has none, or no right to it."""
    try:
        body, subject = unwrapped(entry)
    except (canonical.NotCanonicalError, MalformedMessageError):
        return None
    if body[:3] != _HEAD:
        return None
    partition, at = _number(body, 3 + ID_BYTES)
    number, _ = _number(body, at)
    return (partition, number) if number > 0 and partition >= 0 and may_stand(subject, partition) else None


def _number(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number in CBOR, and where it ends; -1 where there is none."""
    first = data[at] if at < len(data) else 0xFF
    width = _WIDTHS.get(first, 0)
    end = at + 1 + width
    if first > max(_WIDTHS) or end > len(data):
        return -1, end
    return (int.from_bytes(data[at + 1 : end], "big") if width else first), end
