"""Single values out of a message: days, moments, lines of text, codes, NHS numbers, organisations."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from adapters.formats.nems.bundle import Bundle
from adapters.formats.nems.ledger import WITHHELD, Ledger
from adapters.formats.nems.tree import Node
from schemas.base import Line
from schemas.errors import MalformedIdentifierError
from schemas.ids import NhsNumber, OdsCode

NHS_NUMBER: Final = frozenset({"https://fhir.nhs.uk/Id/nhs-number", "http://fhir.nhs.net/Id/nhs-number"})
"""Identifier systems of the NHS number; the second is the older address of the same."""
ODS_CODE: Final = frozenset(
    {"https://fhir.nhs.uk/Id/ods-organization-code", "http://fhir.nhs.net/Id/ods-organization-code"}
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PART_OF_DAY: Final = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2]))?")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_YEARS: Final = range(1900, 2200)
_DIRECTORY: Final = re.compile(
    r"https?://directory\.spineservices\.nhs\.uk/(?:STU3/)?Organization/([A-Za-z0-9]{3,10})"
)
_LINE: Final[TypeAdapter[str]] = TypeAdapter(Line)


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation as far as the message says."""

    ods: OdsCode | None
    name: str | None
    phone: str | None = None


def day(ledger: Ledger, node: Node | None) -> date | None:
    """The calendar day of a date or dateTime, in the zone that it was written in. Refuses one that does not exist."""
    if node is None or not node.text:
        return None
    text = ledger.take(node)
    if _PART_OF_DAY.fullmatch(text):
        ledger.leave(node, "partial-date", "only a year or a month, and the day is not guessed")
        return None
    if _DAY.fullmatch(text):
        try:
            return _sane(date.fromisoformat(text))
        except ValueError:
            ledger.refuse("invalid-date", node)
            return None
    found = moment(ledger, node)
    return found.date() if found else None


def moment(ledger: Ledger, node: Node | None) -> datetime | None:
    """A dateTime with its zone. A plain date becomes midnight UTC, which is the same day in England."""
    if node is None or not node.text:
        return None
    text = ledger.take(node)
    try:
        if _MOMENT.fullmatch(text):
            found = datetime.fromisoformat(text)
            _sane(found.date())
            return found
        if _DAY.fullmatch(text):
            only = _sane(date.fromisoformat(text))
            return datetime(only.year, only.month, only.day, tzinfo=UTC)
    except ValueError:
        pass
    if _PART_OF_DAY.fullmatch(text):
        ledger.leave(node, "partial-date", "only a year or a month, and the day is not guessed")
        return None
    ledger.refuse("invalid-date", node)
    return None


def _sane(found: date) -> date:
    if found.year not in _YEARS:
        raise ValueError
    return found


def line(ledger: Ledger, node: Node | None) -> str | None:
    """One line of text that an event can carry, or None with the reason in the ledger."""
    if node is None or not node.text:
        return None
    try:
        text = _LINE.validate_python(" ".join(node.text.split()))
    except ValidationError:
        ledger.leave(node, "unusable-text", "longer than 300 characters, or with control characters")
        return None
    ledger.take(node)
    return text


def codes(concept: Node | None) -> list[Node]:
    """The codings of a CodeableConcept."""
    return concept.all("coding") if concept else []


def code_in(ledger: Ledger, concept: Node | None, system: str) -> str:
    """The code from the first coding whose system ends with ``system``; taken as mapped."""
    for coding in codes(concept):
        if coding.says("system").endswith(system):
            return ledger.take(coding, "code")
    return ""


def nhs_number(ledger: Ledger, node: Node) -> NhsNumber | str:
    """A checked NHS number, or the code of what is wrong with it: ``check-digit`` or ``form``."""
    try:
        return NhsNumber.parse(ledger.take(node))
    except MalformedIdentifierError as error:
        return error.rule


def ods_code(ledger: Ledger, node: Node | None, *, needed: bool = False) -> OdsCode | None:
    """A checked ODS code. A malformed one is refused where the event is about it, else left out and reported."""
    if node is None or not node.text:
        return None
    try:
        return OdsCode(ledger.take(node).upper())
    except MalformedIdentifierError:
        if needed:
            ledger.refuse("ods-code-malformed", node)
        ledger.leave(node, "ods-code-malformed", "it is not three to ten letters and digits")
        return None


def organisation(
    ledger: Ledger, bundle: Bundle, link: Node | None, *, needed: bool = False
) -> Organisation | None:
    """The organisation that a reference points to: in the Bundle, by the ODS directory's address, or by words only.

    A reference to nothing is reported, never followed by guessing.
    """
    if link is None:
        return None
    reference, target = link.one("reference"), bundle.target(link)
    if target is not None and target.kind == "Organization":
        ledger.took(reference)
        return _from_resource(ledger, target.node, link, needed=needed)
    if reference and (match := _DIRECTORY.fullmatch(reference.text)):
        ledger.took(reference)
        return Organisation(OdsCode(match.group(1).upper()), line(ledger, link.one("display")))
    if reference and target is None:
        ledger.leave(reference, "dangling-reference", "it refers to something that is not in the message")
    code, name = (
        ods_code(ledger, link.at("identifier", "value"), needed=needed),
        line(ledger, link.one("display")),
    )
    return Organisation(code, name) if code or name else None


def _from_resource(ledger: Ledger, node: Node, link: Node, *, needed: bool) -> Organisation:
    held = [mark for mark in node.all("identifier") if mark.says("system") in ODS_CODE]
    code = ods_code(ledger, held[0].one("value"), needed=needed) if held else None
    phones = [contact for contact in node.all("telecom") if contact.says("system") == "phone"]
    phone = line(ledger, phones[0].one("value")) if phones else None
    return Organisation(code, line(ledger, node.one("name")) or line(ledger, link.one("display")), phone)


def person_name(ledger: Ledger, node: Node | None) -> str | None:
    """A person's name in one line, given names first."""
    if node is None:
        return None
    parts = [text for part in (*node.all("given"), *node.all("family")) if (text := line(ledger, part))]
    return " ".join(parts)[:300].strip() or line(ledger, node.one("text"))


def hide_organisation(ledger: Ledger, bundle: Bundle, link: Node | None) -> None:
    """Write down that an organisation is withheld, since it would tell where a restricted patient is."""
    why = "the patient is restricted: an organisation would tell where"
    target = bundle.target(link)
    ledger.leave(link, WITHHELD, why)
    if target is not None and target.kind != "Patient":
        for part in target.node.children:
            if part.name not in {"id", "meta"}:
                ledger.leave(part, WITHHELD, why)
