"""The values that go into the board's store and come out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from schemas.bands import AgeBand, Bands, Disabled, EthnicGroup
from schemas.slip import Heard, Informed, Whom

FOR_EVER_MS: Final = (1 << 63) - 1


class Place(NamedTuple):
    """Where an entry stands: the partition and its number there."""

    partition: int
    number: int


@dataclass(frozen=True, slots=True)
class Came:
    """One message of the trail; ``index`` is where the log has it, None where that is not known."""

    body: bytes
    index: int | None = None


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry as it came, with what it is looked up by."""

    place: Place
    at_ms: int
    kind: str
    thread: bytes | None
    event_id: bytes | None
    actor: str | None
    body: bytes
    inner: int = 0
    """From 1 on: it stood in a sealed block at this place."""


@dataclass(frozen=True, slots=True)
class Slip:
    """What the board may know of an event: kind, purpose, basis, dates; never its content."""

    event_type: str
    purpose: str
    basis: str
    occurred_ms: int
    recorded_ms: int
    case_ref: str | None
    code: str | None = None
    """Why a case was closed, by the census's code."""
    informed: Informed = ()
    """Who was told of it, and who objected, as far as its author says."""
    bands: Bands | None = None
    """Of the child's characteristics, where its author tells of any. Read back only to be counted, never by child."""


@dataclass(frozen=True, slots=True)
class Told:
    """What slips of one author told of one record alike, and from when until when they did."""

    record: bytes
    author: str
    bands: Bands
    first_ms: int
    last_ms: int


def write_bands(bands: Bands | None) -> tuple[int | None, int | None, int | None]:
    """As they stand in columns; None throughout where nothing is told."""
    return (None, None, None) if bands is None else (bands.age, bands.ethnicity, bands.disabled)


def read_bands(age: int, ethnicity: int, disabled: int) -> Bands:
    """What ``write_bands`` wrote of bands."""
    return Bands(AgeBand(age), EthnicGroup(ethnicity), Disabled(disabled))


def write_informed(informed: Informed) -> str | None:
    """As it stands in a column; None where nothing is said."""
    return " ".join(f"{whom.value}.{heard.value}" for whom, heard in informed) or None


def read_informed(written: str | None) -> Informed:
    """What ``write_informed`` wrote."""
    pairs = (one.split(".") for one in (written or "").split())
    return tuple((Whom(int(whom)), Heard(int(heard))) for whom, heard in pairs)


@dataclass(frozen=True, slots=True)
class Owing:
    """What an obligation's entry says in clear: which obligation, and what it is about."""

    ref: bytes
    thread: bytes
    record: bytes | None
    place: Place


@dataclass(frozen=True, slots=True)
class SealedSlip:
    """A slip as it came. ``key_ref`` is None where not even that can be read; ``about`` for an obligation's."""

    event_id: bytes
    author: str
    key_ref: bytes | None
    at_ms: int
    body: bytes
    about: Owing | None = None


class SlipState(StrEnum):
    """How far the board is with the slip of an event."""

    OPEN = "open"
    WAITING = "waiting"
    """Its author's key has not come yet."""
    SHUT = "shut"
    """It does not open: altered, or not sealed as it should be."""
    NONE = "none"
    """The author sealed none to this board."""


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of an answer. ``slip`` where it is open; ``child`` tells apart the children of one answer."""

    row: EntryRow
    child: bytes | None
    slip_state: SlipState
    slip: Slip | None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a board may be answered about: entries of its areas, and of what its members themselves did wrong."""

    areas: frozenset[str]
    members: frozenset[str] = frozenset()
    times: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Areas that the board answers for only between two moments, the second not included."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``records`` None: of any child; an empty one finds nothing. ``most`` 0: without limit."""

    scope: Scope
    records: frozenset[bytes] | None = None
    member: str | None = None
    area: str | None = None
    kinds: tuple[str, ...] = ()
    broke: bool = False
    """Only where somebody broke the glass for a history."""
    since_ms: int = 0
    until_ms: int = field(default=FOR_EVER_MS)
    most: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """An event that was taken. Times are the router's; ``said`` where the board's slip of it is open."""

    event_id: bytes
    place: Place
    inner: int
    at_ms: int
    event_class: int | None
    author: str | None
    holder: str | None
    safety: str | None
    record: bytes | None
    sealed: bool
    skewed: bool
    said: Slip | None


@dataclass(frozen=True, slots=True)
class Copy:
    """One reader's copy of an event, and when the router took each kind of receipt for it first."""

    event_id: bytes
    reader: str
    given_ms: int | None
    granted_ms: int | None
    delivered_ms: int | None
    opened_ms: int | None
    taken_on_ms: int | None
    passed_on_ms: int | None


@dataclass(frozen=True, slots=True)
class Move:
    """A handover. ``steps``: when each was taken first; ``last_*``: where it stands."""

    handover: bytes
    thread: bytes
    record: bytes | None
    evidence: bytes | None
    kind: str | None
    from_area: str | None
    to_area: str | None
    withheld: bool
    steps: Mapping[str, int]
    declines: int
    last_ms: int
    last_step: str
    last_state: str | None


@dataclass(frozen=True, slots=True)
class Due:
    """Something owed that was late."""

    thread: bytes
    owed: str
    due_ms: int
    owner: str | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class Obligation:
    """The newest word on something owed, as the member that owes it said. ``reason``: a code, where it gave one."""

    member: str
    ref: bytes
    record: bytes | None
    place: Place
    kind: str
    opened_ms: int
    due_ms: int
    met_ms: int | None
    reason: str | None

    @property
    def done(self) -> bool:
        """Whether it was done; not, where it only came to be owed by nobody any more."""
        return self.met_ms is not None and self.reason != "over"


@dataclass(frozen=True, slots=True)
class Hole:
    """Entries that have not come: numbers ``first`` to ``last`` of a partition."""

    partition: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """How many."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that was put to this node, and how many entries were shown."""

    number: int
    at_ms: int
    asker: str
    purpose: str
    asked: str
    shown: int
