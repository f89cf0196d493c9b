"""What returned messages and notices of the router say, in words for people."""

from typing import Any

from schemas import canonical
from schemas.errors import MalformedIdentifierError
from schemas.ids import EventId
from schemas.reading import MalformedMessageError, rows, text
from schemas.wire import InKind

_UNLINKED = "A link between two records was undone. Read again what you were told about this child."
_JOINED = "Two records that you know are one child from here on: a person of the area that answers for it has said so."
_VOID = "Something was to be shared because two records were one child; that link was undone, so it is not."
_LOST = "Delivery {} was lost on the bus. Its author must publish it again; ask, if it does not come."
_SEEN = {
    "yes": "The child was seen, and is safe. Where is not told; end your report, or go on asking through the police.",
    "no": "The child was seen, and is not safe. Those who saw it act; where is not told.",
    "unknown": "The child was seen; whether it is safe is not known yet. Where is not told.",
}
_ITEMS = (
    "Papers that we passed on did not arrive as they should: their reader{} has refused them by name. They are sent again by"
    " themselves, three times; after that somebody here must see to it."
)
_REFUSED = "A front door was asked to share with you and did not"

_UNENDORSED = (
    "A protection endorser does not vouch for this front door's one-time keys ({}). Ask a person there, by telephone and"
    " not by way of the old area; or have whoever met the child report the move."
)
_CLAIMED = (
    "WARNING: {} says that this hidden child is in {}, an area that it is hidden from. Nothing has changed, and nobody there"
    " was told anything. Find out whether it is true; if the child is really back, lift the hiding first."
)
_SAID = {
    "joined": _JOINED,
    "unlinked": _UNLINKED,
    "order-upheld": "A person there has looked again at what was not shared with you, and it stays there.",
    "order-late": "Papers that one front door was to pass on have not all gone in time. They stay owed: see who owes them in `handrail watch`.",
    "one-time-wanted": "This handover is hidden from the area that was left; one-time keys were made for it.",
    "endorse": "A front door asked for its one-time keys to be endorsed.",
    "endorsed": "Protection endorsers vouch for whoever has the child; where that is, is withheld.",
    "accepted-unnamed": "A front door of the directory has taken the case on; which, is withheld.",
}


def words_of(kind: InKind, body: bytes) -> str | None:
    """The message in a sentence, or None where it is not for people as it is."""
    try:
        match kind:
            case InKind.RETURNED:
                return _returned(body)
            case InKind.NOTICE:
                return _notice(body)
            case _:
                return None
    except (canonical.NotCanonicalError, MalformedMessageError, MalformedIdentifierError):
        return None


def _returned(body: bytes) -> str:
    code, why, advice, event_id = rows(canonical.decode(body), 4, "returned")
    what = "A message" if event_id is None else f"Event {EventId.from_raw(event_id)}"
    return f"{what} came back ({text(code, 'code')}): {why}. {advice}"


def _notice(body: bytes) -> str:
    code, details = rows(canonical.decode(body), 2, "notice")
    match code, details:
        case "delivery-lost", {"number": int(number)}:
            return _LOST.format(number)
        case "order-refused", {"reason": "link-undone"}:
            return _VOID
        case "order-refused", {"reason": str(reason)} as told:
            kept = len(told.get("items", ()))
            part = f"; {kept} of the events stay with it" if kept else ""
            return (
                f"{_REFUSED} ({reason}{part}). A person there must look at it again within one working day."
            )
        case "items-refused", said:
            return _ITEMS.format("" if "said" in said else ", who must not be named,")
        case "seen", {"safe": str(safe)}:
            return _SEEN.get(safe, _SEEN["unknown"])
        case "unendorsed", {"reason": str(reason)}:
            return _UNENDORSED.format(reason)
        case "claimed", {"area": str(area), "by": str(by)}:
            return _CLAIMED.format(by, area)
        case "disclosed", {"events": list(events), "told": list(told)}:
            return _disclosed(events, told)
        case str(word), _ if word in _SAID:
            return _SAID[word]
        case _:
            return f"Notice: {text(code, 'code')}."


def _disclosed(events: list[Any], told: list[Any]) -> str:
    """A flag came late: whom to warn the family of."""
    readers = sorted({str(row[2]) for row in events} | {str(one) for one in told})
    return (
        f"WARNING: this move was flagged after it had been told openly. {len(events)} deliveries about it went to the "
        f"area that was left, to: {', '.join(readers)}. Assume that the new area is known there, and plan with the family."
    )
