"""The words of the wire: what travels between gateways and the router, and under which number.

Every number here is part of the protocol (``docs/protocol.md``) and never re-used.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

PROTOCOL_VERSION: Final = 1
MAX_MESSAGE_BYTES: Final = 1_000_000
"""One message on the bus, in bytes; larger attachments are chunked by the gateway."""


class EventClass(IntEnum):
    """What the router sees instead of an event's type."""

    MOVE = 1
    INVOLVEMENT = 2
    PLAN = 3
    CONCERN = 4
    RECORD = 5
    SHARE = 6
    HANDOVER = 7
    IDENTITY = 8
    ADMIN = 9


class Urgency(IntEnum):
    """How soon a person must look. U0 minutes, U1 next school or working day, U2 five working days, U3 routine."""

    U0 = 0
    U1 = 1
    U2 = 2
    U3 = 3


class Lane(StrEnum):
    """The queue an event takes to the router. Each lane is one author chain."""

    URGENT = "urgent"
    NORMAL = "normal"
    BULK = "bulk"

    @classmethod
    def of(cls, urgency: Urgency) -> "Lane":
        """U0 and U1 are urgent, U2 is normal, U3 is bulk."""
        match urgency:
            case Urgency.U0 | Urgency.U1:
                return cls.URGENT
            case Urgency.U2:
                return cls.NORMAL
            case Urgency.U3:
                return cls.BULK


class Field(IntEnum):
    """A routing field: its salted hash is signed, its opening goes only to those who may read it."""

    TOKENS = 1
    """list of [epoch, 16 bytes]: pseudonyms of the child's strong identifiers."""
    ACTING_AREA = 2
    """GSS code: the author's own area."""
    RESIDENCE = 3
    """GSS code of where the child lives, or null."""
    FROM = 4
    """GSS code left, or null."""
    TO = 5
    """GSS code moved to, or null (unknown, or withheld)."""
    READERS = 6
    """list of member ids that the author sealed parts to."""
    CHAIN = 7
    """[lane, sequence from 1, SHA-256 of the author's previous manifest in that lane or 32 zero bytes]."""
    MATTER = 8
    """[0 none | 1 open | 2 close, 16-byte reference or null]: whether a plan, concern, ... is open (P12)."""
    ACTION = 9
    """null, or what this event asks the router to do: see ``schemas.actions``."""


class PartKind(IntEnum):
    """A part of an event, with a key and readers of its own."""

    CORE = 1
    LOCATION = 2
    REPORTER = 3
    ATTACHMENT = 4


class MatterEffect(IntEnum):
    """What an event does to the child's open matters."""

    NONE = 0
    OPEN = 1
    CLOSE = 2


class Kem(IntEnum):
    """How a part's key is wrapped for one reader."""

    MLKEM768_X25519 = 2
    """Hybrid post-quantum, the default."""
    P256 = 3
    """For members whose hardware module needs it."""


SUITE_DEFAULT: Final = 2
"""Body AES-256-GCM with key commitment, signature Ed25519."""


class OutKind(IntEnum):
    """What a member may put on its own OUT subjects. Frame: ``[version, kind, body]``."""

    EVENT = 1
    RECEIPTS = 2
    GRANTS = 3
    REFUSAL = 4
    """A front door's signed answer to an order that it will not carry out."""
    SLIP_KEY = 5
    """A month's slip key for one board, sealed to that board."""
    RESEND = 6
    """Deliveries that the member has a gap for."""
    NOTICE_SENT = 7
    """A person has been told of something that the member owes."""
    ONE_TIME = 8
    """A front door's one-time keys for a hidden handover, for the endorsers."""
    ENDORSEMENT = 9
    """A protection endorser's word on such keys."""
    UNNAMED = 10
    """An acceptance signed with a one-time key in the place of an area's."""

    OBLIGATION = 11
    """What a member says of something owed about an event, sealed to the boards concerned."""
    UNENDORSED = 12
    """A protection endorser's word that it does not vouch for one-time keys, and why."""
    FAULTY = 13
    """A reader's signed refusal of items that it was granted, or should have been: exactly which, and why."""


class InKind(IntEnum):
    """What the router puts into a member's inbox. Frame: ``[version, signed note, kind, body]``."""

    VIEW = 1
    ORDER = 2
    GRANTED = 3
    HANDOVER = 4
    RETURNED = 5
    """A message that the router could not take, with reason code and advice, to its author."""
    RECEIPTS = 6
    NOTICE = 7


class ReceiptKind(IntEnum):
    """Four different facts; none of them is called knowledge."""

    DELIVERED = 1
    OPENED = 2
    TAKEN_ON = 3
    PASSED_ON = 4


@dataclass(frozen=True, slots=True)
class ChainLink:
    """An event's place in its author's chain for one lane."""

    lane: Lane
    sequence: int
    previous: bytes

    def to_value(self) -> list[object]:
        """The link as canonical values."""
        return [self.lane.value, self.sequence, self.previous]


@dataclass(frozen=True, slots=True)
class Token:
    """A keyed pseudonym of one strong identifier. The router sees it; only gateways can make it."""

    epoch: int
    value: bytes

    def to_value(self) -> list[object]:
        """The token as canonical values."""
        return [self.epoch, self.value]
