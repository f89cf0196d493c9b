"""Whether an event may be believed: the numbered steps of ``docs/protocol.md``, each with its own refusal.

Steps 1 to 5 need only the message, the directory and the time; step 6, the chain, needs the author's last head.
The caller still owes step 8's look at the handover that an action names, and step 10: those need the store.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Final

from broker.bus.subjects import OutSubject, partition_of
from broker.clock import from_ms, to_ms
from broker.crypto.check import Checked, check_envelope
from broker.crypto.errors import MalformedError
from broker.crypto.keys import KemKey
from broker.crypto.signing import unverified_signer
from broker.errors import RejectedError
from broker.routing.refusals import (
    ExpiredKeyError,
    ImpostorError,
    OversizedError,
    RevokedKeyError,
    StaleDirectoryError,
    UnknownAreaError,
    UnknownMemberError,
    WrongActingAreaError,
    WrongKindError,
    WrongLaneError,
    WrongPartitionError,
    WrongVersionError,
)
from schemas import canonical
from schemas.areas import AreaRegister
from schemas.control import Action
from schemas.directory import Directory, PublishedKey, Standing
from schemas.envelope import FullEnvelope
from schemas.facts import RoutingFacts
from schemas.members import Member
from schemas.policy import may_publish
from schemas.reading import MalformedMessageError
from schemas.wire import MAX_MESSAGE_BYTES, PROTOCOL_VERSION, ChainLink, Lane, OutKind

_KINDS: Final = frozenset(OutKind)
_FRAMES: Final = {canonical.encode([PROTOCOL_VERSION, int(kind), b""])[:3]: kind for kind in OutKind}
"""How a message of each kind begins; what begins otherwise is read in full, to say what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Framed:
    """Step 1 and 2 passed: what kind of message it is, and its body."""

    kind: OutKind
    body: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """Steps 1 to 5 passed: the author signed exactly this, with a key that counts now."""

    checked: Checked
    member: Member

    @property
    def facts(self) -> RoutingFacts:
        """The routing fields."""
        return self.checked.facts


class ChainStep(Enum):
    """How a message stands to its author's chain."""

    NEXT = "next"
    GAP = "gap"
    """Goes on after a hole: taken, and recorded."""
    LATE = "late"
    """Fills such a hole: taken. After a crash or a lost acknowledgement the bus brings later messages first."""
    REPEAT = "repeat"
    """Was taken before: acknowledge and do nothing."""
    FORK = "fork"
    """Another message stood at this place: refused."""


def unframe_out(data: bytes) -> Framed:
    """Step 1: size. Step 2: form.

    Raises:
        RejectedError: too large, not canonical, or of another protocol version.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise OversizedError(f"{len(data)} bytes, at most {MAX_MESSAGE_BYTES}")
    kind_of = _FRAMES.get(data[:3])
    try:
        if kind_of is not None:
            body, end = canonical.octets_at(data, 3)
            if end == len(data):
                return Framed(kind_of, body)
        value = canonical.decode(data)
    except canonical.NotCanonicalError as error:
        raise MalformedError(str(error)) from error
    match value:
        case [int(version), *_] if version != PROTOCOL_VERSION:
            raise WrongVersionError(f"this router speaks version {PROTOCOL_VERSION} of the protocol")
        case [_, int(kind), bytes(body)] if kind in _KINDS:
            return Framed(OutKind(kind), body)
        case _:
            raise MalformedError("not a frame of version, kind and body")


def verify_event(
    body: bytes,
    subject: OutSubject,
    directory: Directory,
    routing_keys: Mapping[str, KemKey],
    now: datetime,
) -> Verified:
    """Steps 2 to 5: form, signer, signature, hashes. Raises RejectedError with the step's own code."""
    try:
        envelope = FullEnvelope.from_bytes(body)
    except (canonical.NotCanonicalError, MalformedMessageError) as error:
        raise MalformedError(str(error)) from error
    key = directory.key(unverified_signer(envelope.signed))
    if key is not None and key.owner != subject.member:
        raise ImpostorError
    checked = check_envelope(envelope, directory.public_of, routing_keys)
    if checked.header.author != subject.member:
        raise ImpostorError
    assert key is not None, "the signature held, so the directory knows the key"
    try:
        return Verified(checked, _in_good_standing(key, checked, directory, now))
    except RejectedError as error:
        # Rightly signed, if not in time: its author must learn which of its events was not taken.
        error.event_id = checked.header.event_id
        raise


def _in_good_standing(key: PublishedKey, checked: Checked, directory: Directory, now: datetime) -> Member:
    member = sender(checked.header.author, directory, now)
    check_key(key, checked, directory, now)
    if directory.standing_of(checked.header.directory_version, now) is Standing.TOO_OLD:
        raise StaleDirectoryError
    return member


def sender(member_id: str, directory: Directory, now: datetime) -> Member:
    """The member who sent a message. Raises UnknownMemberError."""
    member = directory.member(member_id)
    if member is None or not member.active(now.date()):
        raise UnknownMemberError
    return member


def check_key(key: PublishedKey, checked: Checked, directory: Directory, now: datetime) -> None:
    """Step 3: the key counts now; or it counted when the author says so and its current key vouches for that."""
    if key.revoked_at is not None and key.revoked_at <= now:
        raise RevokedKeyError
    if key.usable(now):
        return
    voucher = directory.key(checked.countersigner) if checked.countersigner else None
    vouched = voucher is not None and voucher.owner == key.owner and voucher.usable(now)
    if not vouched or not _usable_at(key, checked.header.created_ms):
        raise ExpiredKeyError


def _usable_at(key: PublishedKey, claimed_ms: int) -> bool:
    # A claim outside the key's own life is compared as a number: it may be no date at all.
    return to_ms(key.not_before) <= claimed_ms < to_ms(key.not_after) and key.usable(from_ms(claimed_ms))


def judge_chain(
    link: ChainLink,
    digest: bytes,
    last_sequence: int,
    last_digest: bytes,
    holes: Sequence[tuple[int, int]] = (),
) -> ChainStep:
    """Step 6 (and 7, replay): ``last_sequence`` 0 where the author has no chain in this lane yet.

    ``holes`` are the runs of places before it that have not come.
    """
    if link.sequence == last_sequence + 1:
        first = last_sequence == 0
        return ChainStep.NEXT if first or link.previous == last_digest else ChainStep.FORK
    if link.sequence > last_sequence:
        return ChainStep.GAP
    if any(first <= link.sequence <= last for first, last in holes):
        return ChainStep.LATE
    if link.sequence == last_sequence and digest != last_digest:
        return ChainStep.FORK
    return ChainStep.REPEAT


def check_entitlement(verified: Verified, directory: Directory, is_area: Callable[[str], bool]) -> None:
    """Step 8: the author acts for its area, may publish this class, and every area named exists.

    Raises:
        RejectedError: which of them fails.
    """
    facts, member = verified.facts, verified.member
    if facts.acting_area not in member.acting_areas and not _answers_for(facts.acting_area, member):
        raise WrongActingAreaError
    if not may_publish(directory.policy, verified.checked.header.event_class, member.kind):
        raise WrongKindError(
            f"a {member.kind.value} may not publish class {verified.checked.header.event_class.name.lower()}"
        )
    for area in (facts.residence, facts.from_area, facts.to_area):
        if area is not None and not is_area(area):
            raise UnknownAreaError


def _answers_for(area: str, member: Member) -> bool:
    """Whether an area's children's services answer for one of the member's: a district's county, a successor."""
    register = _register()
    return any(register.childrens_services(own) == area for own in member.acting_areas)


@cache
def _register() -> AreaRegister:
    return AreaRegister.load()


def check_place(verified: Verified, subject: OutSubject) -> None:
    """Step 9: the lane fits the urgency, the partition fits the token. The router recomputes both."""
    expected = Lane.of(verified.checked.header.urgency)
    if subject.lane is not expected or verified.facts.chain.lane is not expected:
        raise WrongLaneError
    if subject.partition != partition_of(verified.facts.tokens, subject.member):
        raise WrongPartitionError


def action_of(event: Verified) -> Action | None:
    """What an event asks the router to do; None for most. Raises MalformedError."""
    try:
        return Action.from_value(event.facts.action)
    except MalformedMessageError as error:
        raise MalformedError(str(error)) from error
