"""What a witness asks the log, and what the log answers: the hashes that lead from one size to a later one.

Neither is signed: a proof is checked against the heads, and needs nobody's word.
"""

from dataclasses import dataclass
from typing import Final

from schemas import canonical
from schemas.reading import listed, octets, rows, whole

_VERSION: Final = 1
_HASH_BYTES: Final = 32
_MOST: Final = 64
"""A proof of more hashes would be of a tree of more than 2^63 entries."""


@dataclass(frozen=True, slots=True)
class ProofQuestion:
    """Asks for the proof that the log of ``new`` entries continues that of ``old``."""

    old: int
    new: int

    def to_bytes(self) -> bytes:
        """The question's bytes."""
        return canonical.encode([_VERSION, self.old, self.new])

    @classmethod
    def from_bytes(cls, data: bytes) -> "ProofQuestion":
        """Read a question; raises NotCanonicalError or MalformedMessageError."""
        _, old, new = rows(canonical.decode(data), 3, "question for a proof")
        return cls(whole(old, "old size"), whole(new, "new size"))


@dataclass(frozen=True, slots=True)
class ProofAnswer:
    """The hashes, lowest first."""

    hashes: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The answer's bytes."""
        return canonical.encode([_VERSION, list(self.hashes)])

    @classmethod
    def from_bytes(cls, data: bytes) -> "ProofAnswer":
        """Read an answer; raises NotCanonicalError or MalformedMessageError."""
        _, hashes = rows(canonical.decode(data), 2, "proof")
        return cls(tuple(octets(one, _HASH_BYTES, "hash") for one in listed(hashes, _MOST, "hashes")))
