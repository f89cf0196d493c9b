"""Addresses: read, located, compared after normalising, and cut down to an area code where a family is hidden."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.formats.areas import AreaLookup, area_of
from adapters.formats.nems.draft import Message
from adapters.formats.nems.ledger import WITHHELD, Ledger
from adapters.formats.nems.tree import Node
from adapters.formats.nems.values import day, line
from schemas.errors import MalformedIdentifierError
from schemas.events.base import Residence
from schemas.ids import GssCode, Postcode

_MOST_LINES: Final = 8
_WORD: Final = re.compile(r"[A-Z0-9]+")
_SHORT: Final = {
    "RD": "ROAD",
    "ST": "STREET",
    "SAINT": "STREET",  # St Bees and Bees Street cannot be told apart by machine; both sides become the same word
    "AVE": "AVENUE",
    "AV": "AVENUE",
    "DR": "DRIVE",
    "CL": "CLOSE",
    "CT": "COURT",
    "CRES": "CRESCENT",
    "GDNS": "GARDENS",
    "GRN": "GREEN",
    "GR": "GROVE",
    "LN": "LANE",
    "PL": "PLACE",
    "SQ": "SQUARE",
    "TER": "TERRACE",
    "TERR": "TERRACE",
    "APARTMENT": "FLAT",
    "APT": "FLAT",
    "NO": "",
    "NUMBER": "",
}


@dataclass(frozen=True, slots=True)
class Home:
    """One address as the message gives it, and the area that it lies in."""

    node: Node
    postcode: Postcode | None
    gss: GssCode | None
    lines: tuple[str, ...]
    since: date | None
    until: date | None
    temporary: bool

    def residence(self, *, sensitive: bool) -> Residence:
        """As an event carries it; of a hidden family only the area and the dates."""
        return Residence(
            postcode=None if sensitive else self.postcode,
            gss=self.gss,
            address=() if sensitive else self.lines,
            temporary=self.temporary,
            since=self.since,
            until=self.until,
        )


def read_home(ledger: Ledger, areas: AreaLookup, node: Node) -> Home:
    """The address under ``node``. A postcode that cannot be placed is reported; the rest still stands."""
    use = ledger.take(node, "use")
    postcode = _postcode(ledger, node.one("postalCode"))
    period = node.one("period")
    since = day(ledger, period.one("start")) if period else None
    until = day(ledger, period.one("end")) if period else None
    if since and until and until < since:
        ledger.leave(period, "period-reversed", "it ends before it starts, so neither date is used")
        since = until = None
    gss = area_of(areas, postcode, lambda code, why: ledger.note(code, node.one("postalCode"), why))
    return Home(node, postcode, gss, _lines(ledger, node), since, until, use == "temp")


def hide(ledger: Ledger, homes: Iterable[Home]) -> None:
    """Write down that these addresses are withheld; the area stays."""
    for home in homes:
        for part in home.node.children:
            if part.name not in {"use", "period"}:
                ledger.leave(part, WITHHELD, "the patient is restricted: only the area code is sent")


def same_place(one: Home, other: Home) -> bool:
    """Whether two addresses are one place in two spellings [NEMS-COA].

    The same full postcode and the same numbers, and the words of one all among the words of the other. A flat
    number that only one of them has is a difference: neighbours share the rest.
    """
    if one.postcode is None or one.postcode.pseudo or one.postcode != other.postcode:
        return False
    first, second = _words(one), _words(other)
    if not first or not second:
        return False
    numbers = [{word for word in words if any(mark.isdigit() for mark in word)} for words in (first, second)]
    return numbers[0] == numbers[1] and (first <= second or second <= first)


def _words(home: Home) -> frozenset[str]:
    text = " ".join(home.lines).upper().replace("'", "").replace("\N{RIGHT SINGLE QUOTATION MARK}", "")
    squeezed = home.postcode.compact if home.postcode else ""
    spoken = text.replace(squeezed, " ") if squeezed else text
    return frozenset(full for word in _WORD.findall(spoken) if (full := _SHORT.get(word, word)))


def _postcode(ledger: Ledger, node: Node | None) -> Postcode | None:
    if node is None or not node.text:
        return None
    try:
        found = Postcode(node.text)
    except MalformedIdentifierError:
        ledger.leave(node, "postcode-malformed", "it is not a full UK postcode, so the area is unknown")
        ledger.note(
            "postcode-malformed", node, "not a full UK postcode: the area is unknown until a person finds it"
        )
        return None
    ledger.take(node)
    return found


def _lines(ledger: Ledger, node: Node) -> tuple[str, ...]:
    """Address lines in order, then city and district; the one-piece text only where there are no lines."""
    parts = node.all("line") + node.all("city") + node.all("district")
    if not parts:
        parts = node.all("text")
    else:
        for whole in node.all("text"):
            ledger.rule(whole, "the same address in one piece")
    found = [text for part in parts if (text := line(ledger, part))]
    for part in parts[_MOST_LINES:]:
        ledger.leave(part, "too-many-lines", "an address has at most eight lines")
    return tuple(found[:_MOST_LINES])


def read_residence(message: Message, patient: Node | None = None) -> Residence | None:
    """Where the patient lives now, by the one address that is not given as old; None where that is not clear."""
    ledger, found = message.ledger, (patient or message.patient).all("address")
    homes = [node for node in found if node.says("use") == "home"] or [
        node for node in found if node.says("use") not in {"old", "temp"}
    ]
    temporary = [node for node in found if node.says("use") == "temp"]
    chosen = homes[:1] or (temporary[:1] if len(found) == 1 else [])
    for node in found:
        if node not in chosen:
            ledger.leave(node, "further-address", "not the address that the patient lives at now")
    if len(homes) > 1:
        ledger.leave(homes[0], "address-ambiguous", "two addresses are both given as the current one")
        return None
    if not chosen:
        return None
    home = read_home(ledger, message.areas, chosen[0])
    if message.sensitive:
        hide(ledger, [home])
    return home.residence(sensitive=message.sensitive)
