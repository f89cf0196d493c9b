"""Subjects as values that cannot be wrong. A subject says which hop, never who the child is or what happened."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

from schemas.wire import Lane, Token

PARTITIONS: Final = 8
DIRECTORY: Final = "directory"
HEAD: Final = "log.head"
"""The newest head that the log has signed, for witnesses."""
WITNESSED: Final = "log.witnessed"
"""The newest head that counts: with the cosignatures of its witnesses."""
GAP: Final = "audit.gap"
"""Where the audit service writes that numbers are missing on AUDIT."""
PROOF: Final = "log.proof"
"""Asks the log for the proof between two sizes."""
_LANES: Final = frozenset(Lane)
_MEMBER: Final = re.compile(r"m-[a-z2-7]{10}")


class MalformedSubjectError(ValueError):
    """A subject that the exchange does not use; a wildcard or dot here would widen who receives."""


@dataclass(frozen=True, slots=True)
class OutSubject:
    """Where one member puts one event: ``out.<member>.<lane>.<partition>``."""

    member: str
    lane: Lane
    partition: int

    def __post_init__(self) -> None:
        if not _MEMBER.fullmatch(self.member) or not 0 <= self.partition < PARTITIONS:
            raise MalformedSubjectError(f"out subject of {self.member!r}, partition {self.partition}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a subject; raises MalformedSubjectError."""
        match text.split("."):
            case ["out", member, lane, partition] if lane in _LANES and partition.isdecimal():
                subject = cls(member, Lane(lane), int(partition))
                # One value has one spelling: "00" and digits of other scripts are not ours.
                if str(subject) == text:
                    return subject
        raise MalformedSubjectError(text)

    def __str__(self) -> str:
        return f"out.{self.member}.{self.lane.value}.{self.partition}"


def in_subject(member: str) -> str:
    """Where one member's deliveries go."""
    if not _MEMBER.fullmatch(member):
        raise MalformedSubjectError(f"in subject of {member!r}")
    return f"in.{member}"


def audit_subject(partition: int) -> str:
    """Where one partition's audit entries go."""
    return f"audit.{partition}"


def asked_subject(board: str) -> str:
    """Where a board's questions go, sealed: ``audit.asked.<board>``."""
    return f"audit.asked.{board}"


def cosign_subject(member: str) -> str:
    """Where a member's cosignatures of log heads go: ``cosign.<member>``."""
    return f"cosign.{member}"


def shard_of(member: str, shards: int) -> int:
    """Which IN stream holds a member's deliveries; stable for ever for a given number of shards."""
    return int.from_bytes(hashlib.sha256(b"shard " + member.encode()).digest()[:4], "big") % shards


def partition_of(tokens: tuple[Token, ...], author: str) -> int:
    """The partition of an event: by its first token, so one child's events stay together; else by its author."""
    seed = tokens[0].value if tokens else author.encode()
    return hashlib.sha256(b"partition " + seed).digest()[0] % PARTITIONS
