"""One-time keys of a front door that must not be known: what is endorsed, and what is signed with them (P7).

A ticket names the keys and never the area. Protection endorsers say of it "a front door of directory v holds these";
the old area's gateway counts their signatures, and learns no more. Shape only: ``broker.crypto.endorsing`` signs.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from schemas import canonical
from schemas.envelope import ID_BYTES
from schemas.reading import MalformedMessageError, listed, octets, rows, text, whole

HIDDEN: Final = "withheld"
"""Stands for an area or a reader in whatever the side may read that a hidden family has left."""
MAX_ENDORSERS: Final = 16
_KEM_BYTES: Final = 1216
_SIGN_BYTES: Final = 32
_ONE_TIME: Final = "one-time "


@dataclass(frozen=True, slots=True)
class Ticket:
    """The one-time keys for one handover, as the endorsers sign them.

    ``kem_public`` is what the history is sealed to, ``sign_public`` what the acceptance is signed with; both are good
    for this handover only, until ``expires_ms``. Times are whole days: to the millisecond they would tell one gateway
    from another.
    """

    LABEL: ClassVar[str] = "handrail-endorsement"
    """What an endorser signs a ticket's bytes under."""
    REQUEST: ClassVar[str] = "handrail-one-time"
    """What the front door that holds the keys signs the same bytes under, for the endorsers and nobody else."""

    handover: bytes
    kem_public: bytes
    sign_public: bytes
    directory_version: int
    expires_ms: int

    def to_bytes(self) -> bytes:
        """The exact bytes that are signed."""
        return canonical.encode(
            [self.handover, self.kem_public, self.sign_public, self.directory_version, self.expires_ms]
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Ticket":
        """Read a ticket; raises NotCanonicalError or MalformedMessageError."""
        row = rows(canonical.decode(data), 5, "ticket")
        return cls(
            octets(row[0], ID_BYTES, "handover"),
            octets(row[1], _KEM_BYTES, "one-time key to seal to"),
            octets(row[2], _SIGN_BYTES, "one-time key to sign with"),
            whole(row[3], "directory version"),
            whole(row[4], "expires"),
        )


@dataclass(frozen=True, slots=True)
class Endorsed:
    """A ticket with its endorsements: one COSE_Sign1 over the ticket's bytes for each endorser."""

    ticket: bytes
    endorsements: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """As it travels to the old area's front door."""
        return canonical.encode([self.ticket, list(self.endorsements)])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Endorsed":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        ticket, endorsements = rows(canonical.decode(data), 2, "endorsed ticket")
        return cls(
            octets(ticket, None, "ticket"),
            tuple(
                octets(one, None, "endorsement")
                for one in listed(endorsements, MAX_ENDORSERS, "endorsements")
            ),
        )


@dataclass(frozen=True, slots=True)
class HiddenAcceptance:
    """A front door takes the case on without being named: signed with the ticket's one-time key, not by an area."""

    LABEL: ClassVar[str] = "handrail-hidden-acceptance"

    handover: bytes
    word: str

    def to_bytes(self) -> bytes:
        """The exact bytes that the one-time key signs. No time: when it counts is the router's to say."""
        return canonical.encode([self.handover, self.word])

    @classmethod
    def from_bytes(cls, data: bytes) -> "HiddenAcceptance":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        handover, word = rows(canonical.decode(data), 2, "acceptance")
        if word != ACCEPTED:
            raise MalformedMessageError("acceptance: another word")
        return cls(octets(handover, ID_BYTES, "handover"), text(word, "word"))


ACCEPTED: Final = "accepted"


def reader_of(kem_key_id: str) -> str:
    """How an order names a reader that is a one-time key: by the key's id, so that the order is good for no other."""
    return f"{_ONE_TIME}{kem_key_id}"


def one_time_key_of(reader: str) -> str | None:
    """The one-time key that an order names as its reader, or None where the reader is a member."""
    return reader.removeprefix(_ONE_TIME) if reader.startswith(_ONE_TIME) else None
