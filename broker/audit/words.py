"""An audit entry in plain words, for a person who audits practice and not computers. Pure: names are passed in."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from broker.audit.reading import Entry
from broker.clock import from_ms
from broker.store.audit.rows import Found, SlipState
from schemas.audit import EntryKind
from schemas.deadlines import SEEN
from schemas.wire import ReceiptKind

UK: Final = ZoneInfo("Europe/London")

Names: TypeAlias = Callable[[str], str]
"""The name of a member or an area by its code; the code itself where there is none."""

KINDS: Final[dict[str, str]] = {
    EntryKind.TAKEN: "shared",
    EntryKind.WITHHELD: "withheld",
    "unreached": "not reached",
    EntryKind.REFUSED: "message refused",
    EntryKind.CHAIN_GAP: "message lost",
    EntryKind.ORDER: "sharing ordered",
    EntryKind.GRANTED: "history passed on",
    EntryKind.ORDER_REFUSED: "order refused",
    EntryKind.REVIEWED: "refusal looked at again",
    EntryKind.ITEMS_REFUSED: "papers refused",
    EntryKind.SEEN: "missing child seen",
    EntryKind.RECEIPT: "receipt",
    EntryKind.HANDOVER: "handover",
    EntryKind.LINKED: "records joined",
    EntryKind.UNLINKED: "records parted",
    EntryKind.CHILD_TOKEN: "record opened",
    EntryKind.MATTER_OPENED: "matter opened",
    EntryKind.MATTER_CLOSED: "matter closed",
    EntryKind.INVOLVED: "involvement",
    EntryKind.SLIP_KEY: "key for the board",
    EntryKind.OVERDUE: "overdue",
    EntryKind.NOTICE_SENT: "people told",
    EntryKind.OBLIGATION: "something owed",
    EntryKind.ENDORSING: "keys vouched for",
    EntryKind.VEILED: "sealed block",
    EntryKind.GAP: "entries missing",
    EntryKind.QUESTION: "question to a board",
    EntryKind.SENT_AGAIN: "sent again",
    EntryKind.FLOOD: "many refused",
}
"""What a kind of entry is called."""

_PURPOSES: Final = {
    "protect_from_harm": "to protect a child from harm",
    "promote_welfare": "to promote a child's welfare",
    "continuity_of_care": "so that the next service can take up where the last one stopped",
    "find_a_child": "to find a child",
    "statutory_notice": "a notice that the law requires",
    "education": "education",
    "prevent_crime": "to prevent crime",
    "keep_records_right": "to keep records right",
    "learning": "learning",
}
_BASES: Final = {
    "safeguarding_public_task": "public task: safeguarding",
    "safeguarding_duty_16la": "information sharing duty, Children Act 2004 s.16LA",
    "police_safeguarding": "police: safeguarding of children",
    "regulation": "a regulation requires it",
    "family_agreement": "the family agreed",
    "housing_agreement_213aa": "Housing Act 1996 s.213AA, with agreement",
    "court_order": "a court's order",
}
_RECEIPTS: Final = {
    ReceiptKind.DELIVERED: "delivered to",
    ReceiptKind.OPENED: "opened by",
    ReceiptKind.TAKEN_ON: "taken on by",
    ReceiptKind.PASSED_ON: "passed on by",
}
_STEPS: Final = {
    "noticed": "the new area was told that the child is there",
    "release": "the old area released the history",
    "break-glass": "the new area broke glass: it took the history without a release",
    "verify": "the new area has the whole history",
    "accept": "the new area accepted the child",
    "decline": "the new area declined",
    "withdraw": "the old area withdrew the handover",
    "conference-held": "the new area held its conference",
    "ask": "the old area said on what terms the child is in the new one",
    "contest": "the old area contests the acceptance and keeps the case",
    "uncontested": "the old area did not contest the acceptance: it stands",
    "corroborated": "somebody else reports the child in the new area too",
    "disputed": "nobody moved it on for ten working days: the heads of service must",
    "return-or-retain": "the new area decided what becomes of the history that it was given",
}
_OWED: Final = {
    "release": "release of the history",
    "grants": "passing on of the history",
    "items": "papers that came wrong again and again",
    "acceptance": "acceptance or refusal by the new area",
    "conference": "the transfer-in conference",
    "response": "an answer to the refusal",
    "heads-of-service": "settlement between the heads of service",
    "chairs": "settlement between the chairs of the partnerships",
    "return-or-retain": "a decision to return or retain the history",
    "temporary-review": "a look at whether a stay is still one",
}
_SLIPS: Final = {
    SlipState.WAITING: "kind and purpose not readable yet: the author's key has not arrived",
    SlipState.SHUT: "kind and purpose not readable: the author's slip does not open",
    SlipState.NONE: "kind and purpose not measured: the author sent this board no slip",
}


@dataclass(frozen=True, slots=True)
class Told:
    """An entry in words: one line that says what happened, and what else is known."""

    headline: str
    details: tuple[str, ...] = ()


def uk_time(at_ms: int) -> datetime:
    """The moment as clocks in England show it."""
    return from_ms(at_ms).astimezone(UK)


def uk_text(at_ms: int) -> str:
    """The moment in words, such as ``3 March 2026, 09:30``."""
    local = uk_time(at_ms)
    return f"{local.day} {local:%B %Y, %H:%M}"


def plain(code: str) -> str:
    """A code name with blanks: ``plan.opened`` is ``plan opened``."""
    return re.sub(r"[._-]", " ", code)


def purpose_text(code: str) -> str:
    """Why something was shared."""
    return _PURPOSES.get(code, plain(code))


def basis_text(code: str) -> str:
    """On what footing in law."""
    return _BASES.get(code, plain(code))


def kind_text(code: str) -> str:
    """What a kind of entry is called; the code itself where this program does not know it."""
    return KINDS.get(code, f"of unknown kind ({code})")


def gap_text(entry: Entry) -> str:
    """Which numbers a gap is of."""
    first, last = entry.number_of("first"), entry.number_of("last")
    numbers = f"entry {first}" if first == last else f"entries {first} to {last}"
    return f"{numbers} of partition {entry.number_of('of')}"


def tell(entry: Entry, found: Found, names: Names) -> Told:
    """Say what an entry records."""
    who = names(entry.actor) if entry.actor else "the exchange"
    match entry.kind:
        case EntryKind.TAKEN:
            return _taken(entry, found, names)
        case EntryKind.RECEIPT:
            return _receipt(entry, found, who)
        case EntryKind.HANDOVER:
            return _handover(entry, names)
        case EntryKind.ORDER:
            return _order(entry, names)
        case EntryKind.GRANTED:
            if entry.fields.get("again"):
                return Told(
                    f"{who} granted {_reader(entry, names)} an event that it had already", _about(found)
                )
            return Told(f"{who} passed one event of the history on to {_reader(entry, names)}", _about(found))
        case EntryKind.ORDER_REFUSED:
            why = entry.text_of("reason") or "no reason given"
            return Told(
                f"{who} refused to share with {_reader(entry, names)}", (f"reason given: {plain(why)}",)
            )
        case EntryKind.OVERDUE:
            return _overdue(entry, who)
        case EntryKind.NOTICE_SENT:
            owed = _OWED.get(entry.text_of("owed") or "", plain(entry.text_of("owed") or "something"))
            rung = plain(entry.text_of("rung") or "somebody")
            if rung == SEEN:
                return Told(f"a person at {who} has seen that it owes {owed}", ())
            return Told(f"{who} told its {rung} that it owes {owed}", ())
        case _:
            return _other(entry, found, who, names)


def _taken(entry: Entry, found: Found, names: Names) -> Told:
    what = f"“{plain(found.slip.event_type)}”" if found.slip else "something"
    to = _listed(names(reader) for reader in entry.readers)
    details = [f"to: {to}" if to else "to: nobody; whoever must know gets it by order"]
    if found.slip is None:
        details.append(_SLIPS[found.slip_state])
    else:
        details.append(f"purpose: {purpose_text(found.slip.purpose)}")
        details.append(f"basis: {basis_text(found.slip.basis)}")
        details.append(f"happened: {uk_text(found.slip.occurred_ms)}")
        if found.slip.case_ref:
            details.append(f"case reference: {found.slip.case_ref}")
    holder, safety = entry.text_of("holder"), entry.text_of("safety")
    if holder and safety:
        details.append(f"case holder: {names(holder)}; safety duty: {names(safety)}")
    return Told(f"{names(entry.actor or '')} shared {what}", tuple(details))


def _receipt(entry: Entry, found: Found, who: str) -> Told:
    number, role = entry.number_of("receipt"), entry.text_of("role")
    verb = _RECEIPTS[ReceiptKind(number)] if number in set(ReceiptKind) else "receipt of unknown kind by"
    return Told(f"{verb} {who}" + (f" ({role})" if role else ""), _about(found))


def _handover(entry: Entry, names: Names) -> Told:
    step = entry.text_of("step") or ""
    sides = f"from {names(entry.text_of('from_area') or 'unknown')} to {names(entry.text_of('to_area') or 'unknown')}"
    details = [_STEPS.get(step, plain(step))]
    holder, safety = entry.text_of("holder"), entry.text_of("safety")
    if holder and safety:
        details.append(f"case holder: {names(holder)}; safety duty: {names(safety)}")
    if reason := entry.text_of("reason"):
        details.append(f"reason: {plain(reason)}")
    return Told(f"handover {sides}: {'requested' if step == 'noticed' else plain(step)}", tuple(details))


def _order(entry: Entry, names: Names) -> Told:
    count = len(entry.ids_of("events"))
    what = "1 event" if count == 1 else f"{count} events"
    return Told(
        f"{names(entry.text_of('grantor') or '')} must pass {what} on to {_reader(entry, names)}",
        ("part of a handover",)
        if entry.bytes_of("handover")
        else ("the author had not sealed to this reader",),
    )


def _items(entry: Entry, names: Names) -> Told:
    """How many papers were refused, and of what fault."""
    faults = Counter(str(fault) for _, fault, _ in entry.fields.get("items", ()))
    listed = _listed(f"{count} {fault}" for fault, count in sorted(faults.items()))
    grantor = names(entry.text_of("grantor") or "")
    return Told(f"{_reader(entry, names)} refused papers that {grantor} passed on", (f"of them: {listed}",))


def _overdue(entry: Entry, who: str) -> Told:
    owed = _OWED.get(entry.text_of("owed") or "", plain(entry.text_of("owed") or "something"))
    due = entry.number_of("due_ms")
    details = [f"was due {uk_text(due)}"] if due is not None else []
    if reason := entry.text_of("reason"):
        details.append(f"rule: {_without_sources(reason)}")
    return Told(f"overdue: {owed}, owed by {who}", tuple(details))


def _other(entry: Entry, found: Found, who: str, names: Names) -> Told:
    match entry.kind:
        case EntryKind.LINKED:
            return Told(f"{who} decided that two records are one child's")
        case EntryKind.UNLINKED:
            told = _listed(names(member) for member in entry.texts_of("told"))
            return Told(f"{who} decided that two records are not one child's", (f"told: {told or 'nobody'}",))
        case EntryKind.REVIEWED:
            shared = entry.text_of("decision") == "share"
            what = "shares it after all" if shared else "upholds that it stays"
            return Told(
                f"a person has looked again at what was refused to {_reader(entry, names)}, and {what}"
            )
        case EntryKind.ITEMS_REFUSED:
            return _items(entry, names)
        case EntryKind.SEEN:
            told = _listed(names(member) for member in entry.texts_of("readers"))
            return Told("a missing child was seen", (f"told that, and not where: {told or 'nobody'}",))
        case EntryKind.CHILD_TOKEN:
            return Told("a record of a child was opened at the exchange")
        case EntryKind.MATTER_OPENED:
            return Told(f"{who} opened a matter (a plan, assessment or concern)")
        case EntryKind.MATTER_CLOSED:
            return Told(f"{who} closed a matter")
        case EntryKind.INVOLVED:
            ended = entry.text_of("step") == "uninvolve"
            said_by = entry.text_of("by")
            return Told(
                f"{who} is {'no longer ' if ended else ''}involved with the child",
                (f"said by: {names(said_by)}",) if said_by else (),
            )
        case _:
            return _amiss(entry, found, who, names)


def _amiss(entry: Entry, found: Found, who: str, names: Names) -> Told:
    """What did not reach somebody, or was wrong."""
    readers = _listed(names(reader) for reader in entry.texts_of("readers"))
    match entry.kind:
        case EntryKind.WITHHELD:
            return Told(f"not shown to {readers}: the sharing policy does not allow it", _about(found))
        case "unreached":
            return Told(f"not reached: {readers}; no front door holds it to pass it on", _about(found))
        case EntryKind.REFUSED:
            return Told(f"a message by {who} was refused", (f"reason code: {entry.text_of('code')}",))
        case EntryKind.CHAIN_GAP:
            return Told(f"messages by {who} were lost before they reached the exchange")
        case EntryKind.OBLIGATION:
            return Told(f"{who} told its boards of something that it owes", _about(found))
        case EntryKind.ENDORSING:
            code = entry.text_of("reason")
            by = names(entry.text_of("endorser") or "")
            if code is None:
                return Told(f"{by} vouches for the one-time keys of a front door that is withheld")
            return Told(f"{by} does not vouch for one-time keys", (f"reason code: {code}",))
        case EntryKind.VEILED:
            return Told("a sealed block: entries about hidden children, or nothing")
        case EntryKind.FLOOD:
            return Told(f"{who} sent more wrong messages than are listed one by one")
        case EntryKind.GAP:
            return Told(f"the log records that {gap_text(entry)} never came")
        case EntryKind.SENT_AGAIN:
            lost = entry.fields.get("lost") is True
            return Told(f"{who} asked for a delivery again", ("it could not be found",) if lost else ())
        case _:
            return Told(f"an entry {kind_text(entry.kind)}, by {who}")


def _about(found: Found) -> tuple[str, ...]:
    return () if found.slip is None else (f"about: “{plain(found.slip.event_type)}”",)


def _reader(entry: Entry, names: Names) -> str:
    return names(entry.text_of("reader") or "")


def _listed(items: Iterable[str]) -> str:
    return ", ".join(items)


def _without_sources(text: str) -> str:
    """Without the keys of sources in brackets, which are for developers."""
    return re.sub(r"\s*\[[^\]]*\]", "", text)
