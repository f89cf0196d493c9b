"""Whether a front door carries out an order of the router's: the numbered checks of ``docs/protocol.md``. Pure.

Nothing is granted because the router says so: what this front door knows by itself is handed in.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from adapters.gateway.orders.releasing import Glass, judge_glass
from broker.clock import to_ms
from schemas.directory import Directory
from schemas.orders import Order, OrderKind
from schemas.policy import GrantAnswer

KEPT: Final[Mapping[GrantAnswer, str]] = {
    GrantAnswer.BY_PERSON: "needs-a-person",
    GrantAnswer.ASK_AUTHOR: "ask-the-author",
    GrantAnswer.NO: "kept-by-policy",
    GrantAnswer.YES: "kept-by-policy",
}
"""Why an event stays; of several reasons the first is the order's."""
PATIENCE_MS: Final = 10 * 60_000
"""How long an order waits for the event that is its ground: that may be on its way to us from another front door."""


@dataclass(frozen=True, slots=True)
class Release:
    """What a release by our own person says: which handover, and to which area."""

    handover: str
    to_area: str


@dataclass(frozen=True, slots=True)
class Review:
    """What our own person decided about an order that our gateway had refused."""

    reader: str
    handover: str | None
    events: frozenset[bytes]
    """The events that were looked at."""
    agreed: frozenset[bytes]
    """Those whose author was asked, and has agreed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What this front door knows by itself about an order's matter."""

    digests: Mapping[bytes, bytes]
    """SHA-256 of the manifest of each event about that child that it was sent or granted, by event."""
    answers: Mapping[bytes, GrantAnswer]
    """What policy and the author's mark say to handing each of them to the order's reader."""
    release: Release | None
    """The evidence, where it is a release that this member's own person published."""
    used_before: bool
    grounded: bool
    """Somebody other than the reader has signed that it is concerned with the child."""
    news: bool
    """The order is about one event, which has just come to us."""
    review: Review | None = None
    """The evidence, where it is our own person's decision to share after all."""
    glass: Glass | None = None
    """The evidence, where it is the new area's break-glass event."""
    evidence: bool = True
    """The event that the order rests on is here: without it nobody can say which child is meant."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The order is not carried out. ``code`` is stable; it is what router, audit and reader see."""

    code: str


@dataclass(frozen=True, slots=True)
class Carry:
    """Grant these events. The others stay here: their author's mark or the policy keeps them."""

    events: tuple[bytes, ...]
    kept: tuple[tuple[bytes, str], ...] = ()
    """Each with the reason's code."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Not carried out now: what it rests on may be on its way to us. Refused with that code if it does not come."""

    code: str


Verdict: TypeAlias = Refuse | Carry | Wait


def judge(order: Order, me: str, known: Known, directory: Directory, now: datetime) -> Verdict:
    """Whether to carry out an order, and for which of its events. Pure.

    1 it is for us and has not expired; 2 its reader is an active member of this directory that can be sealed to, and
    not ourselves; 3 one evidence serves one order; 4 every event is in our own record of that child, byte for byte;
    5 for a handover, our own person or the policy released this one, and the reader is the front door of the area that
    it was released to; or that front door broke glass, rightly (``releasing.judge_glass``); 6 for any other order,
    somebody other than the reader has signed that it is concerned with the child; a front door is given news without
    that, history never; for what was refused before, our own person has decided to share it with that reader; 7 the
    policy and the author's mark let the reader have it, where a release counts as a person's word, a broken glass does
    not, and an author who wants to be asked has agreed.
    """
    if order.grantor != me:
        return Refuse("not-for-us")
    if order.expires_ms < to_ms(now):
        return Refuse("expired")
    reader = directory.member(order.reader)
    if reader is None or not reader.active(now.date()) or order.reader == me:
        return Refuse("unknown-reader")
    if reader.kem_key(now) is None:
        return Refuse("reader-without-key")
    if known.used_before:
        return Refuse("evidence-used")
    for event_id, digest in order.events:
        if event_id not in known.digests:
            return _patiently("not-in-our-record", order, known, now)
        if known.digests[event_id] != digest:
            return Refuse("another-event")
    if order.kind is OrderKind.HANDOVER:
        return _judge_handover(order, known, directory)
    if order.kind is OrderKind.SENSITIVE:
        return judge_review(order, known, order.reader)
    if not known.grounded and not (reader.front_door and known.news):
        return _patiently("not-concerned", order, known, now)
    return allowed_of(order, known.answers, {GrantAnswer.YES})


def _judge_handover(order: Order, known: Known, directory: Directory) -> Verdict:
    if known.glass is not None:
        code = judge_glass(known.glass, order.handover, order.reader, directory)
        return Refuse(code) if code else allowed_of(order, known.answers, {GrantAnswer.YES})
    refused = _judge_release(order, known.release, directory)
    return refused or allowed_of(order, known.answers, {GrantAnswer.YES, GrantAnswer.BY_PERSON})


def _patiently(code: str, order: Order, known: Known, now: datetime) -> Refuse | Wait:
    """An order may overtake what it rests on, a link or a confirmation that another front door grants to us.

    Without the evidence itself it waits as long as it is good, and its clock tells people; it is never refused blindly.
    """
    late = to_ms(now) - order.issued_ms > PATIENCE_MS
    return Refuse(code) if late and known.evidence else Wait(code)


def judge_review(order: Order, known: Known, reader: str) -> Verdict:
    """A person's decision is about one reader and the events looked at; an author's *never* outlasts it."""
    review = known.review
    handover = None if order.handover is None else order.handover.hex()
    if review is None or (review.reader, review.handover) != (reader, handover):
        return Refuse("not-released")
    answers = {
        event_id: GrantAnswer.YES
        if event_id in review.events
        and (
            answer is GrantAnswer.BY_PERSON
            or (answer is GrantAnswer.ASK_AUTHOR and event_id in review.agreed)
        )
        else answer
        for event_id, answer in known.answers.items()
    }
    return allowed_of(order, answers, {GrantAnswer.YES})


def _judge_release(order: Order, release: Release | None, directory: Directory) -> Refuse | None:
    if release is None or order.handover is None or release.handover != order.handover.hex():
        return Refuse("not-released")
    door = directory.front_door(release.to_area)
    return None if door is not None and door.id == order.reader else Refuse("not-the-new-front-door")


def allowed_of(
    order: Order, answers: Mapping[bytes, GrantAnswer], enough: AbstractSet[GrantAnswer]
) -> Verdict:
    """What of an order may go, event by event: where its author's mark or the policy says ``enough``."""
    listed = tuple(event_id for event_id, _ in order.events)
    events = tuple(event_id for event_id in listed if answers[event_id] in enough)
    kept = tuple((event_id, KEPT[answers[event_id]]) for event_id in listed if event_id not in events)
    if events or not kept:
        return Carry(events, kept)
    codes = {code for _, code in kept}
    return Refuse(next(code for code in KEPT.values() if code in codes))
