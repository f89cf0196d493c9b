"""Where a child is, by one's own record, and whether it may have moved. Pure: what was read goes in, decisions come out.

Unknown is a state with an owner, not a hole. A possible move is raised for a person to settle, never acted on by itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeAlias

from broker.calendars import LONDON
from schemas.codes.cases import LiveStatus

LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
AT_ONCE: Final = frozenset(
    {LiveStatus.CHILD_PROTECTION_PLAN, LiveStatus.SECTION_47, LiveStatus.PROTECTION_ORDER}
)
"""What makes one contact enough [P-NOT][P-CUM]."""
ENOUGH_DAYS: Final = 2
"""Otherwise contact on a second day is needed, or a differing address (design 7)."""
TRIED: Final = 6
"""Decisions about a rule before it can be told less loudly; then less than one in three acted on makes a daily list."""
ONE_IN: Final = 3
HIDDEN_FOR: Final = timedelta(days=365)
"""How long after a domestic abuse or MARAC event no area is told of a sighting."""
_ABUSE: Final = frozenset({"da.incident", "marac.listed", "marac.transferred", "move.destination_withheld"})
_SHORT: Final = {
    "st": "street",
    "rd": "road",
    "ave": "avenue",
    "av": "avenue",
    "ln": "lane",
    "dr": "drive",
    "cl": "close",
    "ct": "court",
    "pl": "place",
    "sq": "square",
    "cres": "crescent",
    "gdns": "gardens",
    "ter": "terrace",
    "apt": "flat",
    "apartment": "flat",
    "no": "",
}


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody met, or wrote down, the child in an area: on which day, in which event, at which place if it says so."""

    event: str
    area: str
    on: date
    rule: str
    place: tuple[str, ...] = ()
    at: datetime = LONG_AGO
    """When it was written down."""


@dataclass(frozen=True, slots=True)
class Known:
    """What bears on whether contact elsewhere may be a move."""

    home: str
    """The area where the child is taken to live."""
    since: datetime = LONG_AGO
    """When that was last reported: what was written down before is no sign that the child has left."""
    alert: bool = False
    """On a protection plan, in an enquiry, under an order, or missing."""
    address: tuple[str, ...] = ()
    usual: frozenset[str] = frozenset()
    """Areas that a person has marked as usual."""
    settled: Mapping[str, date] | None = None
    """By area, until which day a person has settled what there was."""
    acted: Mapping[str, tuple[int, int]] | None = None
    """By rule, how many of how many were acted on."""


@dataclass(frozen=True, slots=True)
class AtOnce:
    """A person must look now."""

    area: str
    contacts: tuple[Contact, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Raise:
    """A person must look on the next working day."""

    area: str
    contacts: tuple[Contact, ...]
    why: str


@dataclass(frozen=True, slots=True)
class DailyList:
    """It goes onto the day's list: this rule is acted on less than once in three."""

    area: str
    contacts: tuple[Contact, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is raised, and why not."""

    why: str


Decision: TypeAlias = AtOnce | Raise | DailyList | Nothing


def possible_move(area: str, contacts: Iterable[Contact], known: Known) -> Decision:
    """Whether contact in ``area`` may be a move. The steps stand in their order.

    1 it is another area than home; 2 no place that a person has marked as usual; 3 newer than what a person has
    settled; 4 not home's own address in another spelling; 5 at once for a child at risk; 6 otherwise on a second day or
    at a differing address; 7 on the daily list where the rule is seldom acted on.
    """
    if area == known.home:
        return Nothing("the child lives there")
    if area in known.usual:
        return Nothing("a person has marked it as usual")
    since = (known.settled or {}).get(area)
    fresh = [
        one
        for one in contacts
        if one.area == area and one.at >= known.since and (since is None or one.on > since)
    ]
    if not fresh:
        return Nothing("a person has settled it")
    elsewhere = [one for one in fresh if not (one.place and same_place(one.place, known.address))]
    if not elsewhere:
        return Nothing("the same address in another spelling")
    found = tuple(sorted(elsewhere, key=lambda one: (one.on, one.event)))
    if known.alert:
        return AtOnce(area, found, "the child is at risk or missing: one contact is enough")
    differing = any(one.place for one in found)
    days = len({one.on for one in found})
    if not differing and days < ENOUGH_DAYS:
        return Nothing("contact on one day, at no other address")
    why = "at a differing address" if differing else f"contact on {days} days"
    if all(seldom_acted_on((known.acted or {}).get(one.rule, (0, 0))) for one in found):
        return DailyList(area, found, f"{why}; this rule is acted on less than once in three")
    return Raise(area, found, why)


def seldom_acted_on(counts: tuple[int, int]) -> bool:
    """Whether a rule, acted on so often of so often, has earned a quieter voice."""
    acted, decided = counts
    return decided >= TRIED and acted * ONE_IN < decided


def same_place(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two addresses are one, spelled differently [NEMS-COA]: flip-flop is no move."""
    first, second = plain_address(one), plain_address(other)
    return bool(first) and (first <= second or second <= first) and bool(_numbers(first) & _numbers(second))


def plain_address(lines: Iterable[str]) -> frozenset[str]:
    """An address as its words: lower case, no points, no short forms; the postcode in one piece."""
    words: set[str] = set()
    for line in lines:
        text = re.sub(r"[^a-z0-9 ]", " ", line.lower().replace("'", ""))
        joined = re.sub(r"\b([a-z]{1,2}[0-9][a-z0-9]?) ?([0-9][a-z]{2})\b", r"\1\2", text)
        words |= {_SHORT.get(word, word) for word in joined.split()} - {""}
    return frozenset(words)


def _numbers(words: AbstractSet[str]) -> frozenset[str]:
    return frozenset(word for word in words if any(letter.isdigit() for letter in word))


@dataclass(frozen=True, slots=True)
class At:
    """The child is taken to be in an area, by the newest report."""

    area: str
    since: date
    says: str
    at: datetime = LONG_AGO
    """When that was written down."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows where the child is. The case holder keeps it: ``owner`` goes on asking."""

    since: date
    owner: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A watch is open, raised by police or social care."""

    since: date
    by: str
    report: str


Where: TypeAlias = At | Unknown | Missing


def where(documents: Iterable[Mapping[str, Any]], holder: str) -> Where:
    """Where a child is, by what was read of it in order. ``holder``: who keeps it while nobody knows."""
    state: At | Unknown = Unknown(date.min, holder)
    watch: dict[str, Missing] = {}
    for document in documents:
        kind, details, on = str(document.get("type")), document.get("details", {}), day_of(document)
        match kind:
            case "missing.child" | "missing.family":
                report = str(details.get("report_ref"))
                watch[report] = Missing(on, str(document.get("acting_area")), report)
            case "missing.ended":
                watch.pop(str(details.get("report_ref")), None)
            case "whereabouts.unknown":
                owner = details.get("owner", {})
                state = Unknown(on, str(owner.get("name") or owner.get("role") or holder))
            case "move.notified" if details.get("destination_unknown"):
                state = Unknown(on, holder)
            case _ if (area := _area_said(document)) is not None:
                if not isinstance(state, At) or state.area != area:
                    state = At(area, on, kind, written(document))
    return max(watch.values(), key=lambda one: one.since) if watch else state


def _area_said(document: Mapping[str, Any]) -> str | None:
    """The area that an event says the child is in: the end of a move first; a contact alone says nothing."""
    details = document.get("details", {})
    kind = str(document.get("type"))
    if kind == "whereabouts.recorded":
        return str(details.get("area")) if details.get("outcome") == "moved" else None
    if kind.startswith(("handover.", "transfer.", "share.", "order.", "involvement.", "identity.")):
        return None
    place = details.get("to_place") or {}
    gss = details.get("to_area") or place.get("gss")
    if gss:
        return str(gss)
    residence = document.get("residence") or {}
    return str(residence["gss"]) if residence.get("gss") and kind in _SETTLE else None


_SETTLE: Final = frozenset({"plan.opened", "plan.changed", "concern.raised", "conference.held"})
"""What the case holder writes about where the child lives, when no move was told."""


def contacts_of(documents: Iterable[Mapping[str, Any]]) -> tuple[Contact, ...]:
    """Every contact in an area that the record tells of: where its author acts, or says that the child is."""
    found: list[Contact] = []
    for document in documents:
        kind = str(document.get("type"))
        if kind in _NO_CONTACT or kind.startswith(
            ("handover.", "transfer.", "order.", "share.", "identity.")
        ):
            continue
        residence = document.get("residence") or {}
        area = residence.get("gss") or document.get("acting_area")
        place = tuple(
            str(line) for line in (*residence.get("address", ()), residence.get("postcode")) if line
        )
        rule = "register" if kind in _REGISTERS else "contact_elsewhere"
        if area:
            contact = Contact(
                str(document.get("id")), str(area), day_of(document), rule, place, written(document)
            )
            found.append(contact)
    return tuple(found)


_NO_CONTACT: Final = frozenset(
    {"whereabouts.recorded", "whereabouts.unknown", "missing.child", "missing.family", "missing.ended"}
)
_REGISTERS: Final = frozenset({"school.joined", "gp.changed", "record.changed"})


def settled_by(documents: Iterable[Mapping[str, Any]]) -> tuple[frozenset[str], dict[str, date]]:
    """Areas marked as usual, and by area until when a person has settled what there was."""
    usual: set[str] = set()
    until: dict[str, date] = {}
    for document in documents:
        details = document.get("details", {})
        if document.get("type") == "whereabouts.recorded":
            area = str(details.get("area"))
            until[area] = day_of(document)
            (usual.add if details.get("outcome") == "usual_place" else usual.discard)(area)
    return frozenset(usual), until


def acted_on(documents: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """By rule, how many of the possible moves that people settled were moves."""
    counts: dict[str, tuple[int, int]] = {}
    for document in documents:
        if document.get("type") == "whereabouts.recorded":
            details = document.get("details", {})
            acted, decided = counts.get(str(details.get("rule")), (0, 0))
            counts[str(details.get("rule"))] = (acted + (details.get("outcome") == "moved"), decided + 1)
    return counts


def may_tell_area(documents: Iterable[Mapping[str, Any]], on: date) -> bool:
    """Whether those who raised a missing report may hear the area: never of a sensitive child, nor after abuse."""
    for document in documents:
        abuse = document.get("type") in _ABUSE and on - day_of(document) <= HIDDEN_FOR
        flagged = document.get("type") == "sensitivity.set" and not document.get("details", {}).get("lifted")
        if abuse or flagged or document.get("sensitivity") == "sensitive":
            return False
    return True


def written(document: Mapping[str, Any]) -> datetime:
    """When its author's system wrote it down."""
    try:
        return datetime.fromisoformat(str(document.get("recorded_at")))
    except ValueError:
        return LONG_AGO


def day_of(document: Mapping[str, Any]) -> date:
    """The day on which it happened, as its author says: a moment counts on the day that it was in England."""
    said = str(document.get("occurred_at"))
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return date.min
    return moment.date() if moment.tzinfo is None else moment.astimezone(LONDON).date()
