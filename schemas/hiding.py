"""One-time keys of a front door that must not be known: what is endorsed, and what is signed with them (P7).

A ticket names the keys and never the area. Protection endorsers say of it "a front door of directory v, to which the
child has moved, holds these": they are shown the move. The old area's gateway counts their signatures, and learns no
more. Shape only: ``broker.crypto.endorsing`` signs.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from schemas import canonical
from schemas.envelope import HASH_BYTES, ID_BYTES, Opening
from schemas.reading import MalformedMessageError, listed, octets, rows, text, whole
from schemas.wire import Field

HIDDEN: Final = "withheld"
"""Stands for an area or a reader in whatever the side may read that a hidden family has left."""
MAX_ENDORSERS: Final = 16
_KEM_BYTES: Final = 1216
_SIGN_BYTES: Final = 32
_ONE_TIME: Final = "one-time "
_PAIR: Final = 2
_ITEMS: Final = 6
_ITEMS_BEFORE: Final = 5
"""Of a ticket before it said whom it is about; one that was endorsed then is good for as long as it says."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The one-time keys for one handover, as the endorsers sign them.

    ``kem_public`` is what the history is sealed to, ``sign_public`` what the acceptance is signed with; both are good
    for this handover only, until ``expires_ms``. Times are whole days: to the millisecond they would tell one gateway
    from another. ``child`` is the salted hash under which the author of the move signed whom it is about: an endorser
    holds it against the move that it was shown and does not learn who that is; the old area is given the salt, and not
    the move. Empty in a ticket of a version before.
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
    child: bytes = b""

    def to_bytes(self) -> bytes:
        """The exact bytes that are signed."""
        row = [self.handover, self.kem_public, self.sign_public, self.directory_version, self.expires_ms]
        return canonical.encode([*row, self.child] if self.child else row)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Ticket":
        """Read a ticket; raises NotCanonicalError or MalformedMessageError."""
        value = canonical.decode(data)
        of_before = isinstance(value, list) and len(value) == _ITEMS_BEFORE
        row = rows(value, _ITEMS_BEFORE if of_before else _ITEMS, "ticket")
        return cls(
            octets(row[0], ID_BYTES, "handover"),
            octets(row[1], _KEM_BYTES, "one-time key to seal to"),
            octets(row[2], _SIGN_BYTES, "one-time key to sign with"),
            whole(row[3], "directory version"),
            whole(row[4], "expires"),
            b"" if of_before else octets(row[5], HASH_BYTES, "child"),
        )


@dataclass(frozen=True, slots=True)
class Endorsed:
    """A ticket with its endorsements, one COSE_Sign1 over the ticket's bytes for each endorser; and whom it is about."""

    ticket: bytes
    endorsements: tuple[bytes, ...]
    child: Opening | None = None
    """Of the hash in the ticket: the tokens that the move names, which the old area knows the child by."""

    def to_bytes(self) -> bytes:
        """As it travels to the old area's front door."""
        row = [self.ticket, list(self.endorsements)]
        return canonical.encode(row if self.child is None else [*row, self.child.to_value()])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Endorsed":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        value = canonical.decode(data)
        of_before = isinstance(value, list) and len(value) == _PAIR
        ticket, endorsements, *child = rows(value, _PAIR if of_before else _PAIR + 1, "endorsed ticket")
        return cls(
            octets(ticket, None, "ticket"),
            tuple(
                octets(one, None, "endorsement")
                for one in listed(endorsements, MAX_ENDORSERS, "endorsements")
            ),
            Opening.from_value(child[0]) if child else None,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What a front door sends to have its keys endorsed: its signed ticket, the child's opening, a move for each endorser.

    The router takes the opening for the old area and hands each endorser its own sealed copy of the move.
    """

    signed: bytes
    child: Opening
    shown: tuple[tuple[str, bytes], ...]
    """An endorser, and the ``Shown`` that is sealed to it."""

    def to_bytes(self) -> bytes:
        """As it travels to the router."""
        return canonical.encode([self.signed, self.child.to_value(), [list(one) for one in self.shown]])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Asked":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        signed, child, shown = rows(canonical.decode(data), 3, "request")
        pairs = [rows(item, 2, "move") for item in listed(shown, MAX_ENDORSERS, "moves")]
        return cls(
            octets(signed, None, "signed ticket"),
            Opening.from_value(child),
            tuple((text(endorser, "endorser"), octets(sealed, None, "move")) for endorser, sealed in pairs),
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """A move as an endorser is shown it: what its author signed, opened at the destination and nowhere else."""

    signed: bytes
    to: Opening

    def to_bytes(self) -> bytes:
        """The bytes that are sealed."""
        return canonical.encode([self.signed, self.to.to_value()])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Shown":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        signed, to = rows(canonical.decode(data), 2, "move shown")
        opening = Opening.from_value(to)
        if opening.field is not Field.TO:
            raise MalformedMessageError("move shown: opened at another field")
        return cls(octets(signed, None, "signed move"), opening)


@dataclass(frozen=True, slots=True)
class Unendorsed:
    """A protection endorser does not vouch for one-time keys: which, and why not by a stable code."""

    LABEL: ClassVar[str] = "handrail-unendorsed"

    handover: bytes
    key_id: str
    code: str

    def to_bytes(self) -> bytes:
        """The exact bytes that the endorser signs."""
        return canonical.encode([self.handover, self.key_id, self.code])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Unendorsed":
        """Read one; raises NotCanonicalError or MalformedMessageError."""
        handover, key_id, code = rows(canonical.decode(data), 3, "refusal to endorse")
        return cls(octets(handover, ID_BYTES, "handover"), text(key_id, "key id"), text(code, "code"))


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
