"""The person a message is about: names, birth date, and an NHS number that counts only if the NHS verified it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from adapters.formats.nems.bundle import Bundle, Resource
from adapters.formats.nems.header import Header
from adapters.formats.nems.ledger import Ledger
from adapters.formats.nems.reasons import refuse
from adapters.formats.nems.tree import Node
from adapters.formats.nems.values import NHS_NUMBER, code_in, day, line, nhs_number
from schemas.events.base import Name, Subject
from schemas.ids import NhsNumber

_VERIFIED: Final = "01"
"""Number present and verified: the one status that makes an NHS number evidence of who it is."""
_ADULT: Final = 18
"""Years."""
_MOST_NAMES: Final = 30
NameKind = Literal["former", "alias", "preferred", "spelling"]
_NAME_KINDS: Final[dict[str, NameKind]] = {
    "old": "former",
    "maiden": "former",
    "nickname": "alias",
    "usual": "preferred",
}


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as far as the message says."""

    node: Node
    nhs_number: NhsNumber | None
    """Only a verified one with a right check digit."""
    given_name: str | None
    family_name: str | None
    date_of_birth: date | None
    other_names: tuple[Name, ...] = ()

    def subject(self) -> Subject:
        """As the subject of an event.

        Raises:
            RefusedError: nothing identifies the person.
        """
        if self.nhs_number is None and not (self.family_name and self.date_of_birth):
            raise refuse("subject-unrecognisable", self.node.place)
        return Subject(
            nhs_number=self.nhs_number,
            given_name=self.given_name,
            family_name=self.family_name,
            date_of_birth=self.date_of_birth,
            other_names=self.other_names,
        )


def patient_of(ledger: Ledger, bundle: Bundle, focus: Resource) -> Node:
    """The patient that the message is about, by following the focus.

    Raises:
        RefusedError: the focus leads to no patient.
    """
    if focus.kind == "Patient":
        return focus.node
    link = focus.node.one({"Communication": "subject", "EpisodeOfCare": "patient"}.get(focus.kind, ""))
    if focus.kind not in {"Communication", "EpisodeOfCare"}:
        raise refuse("wrong-focus", focus.node.place, "Communication, Patient or EpisodeOfCare")
    if link is None:
        raise refuse("subject-missing", focus.node.place)
    found = bundle.target(link)
    if found is None or found.kind != "Patient":
        raise refuse("dangling-reference", (link.one("reference") or link).place)
    ledger.take(link, "reference")
    return found.node


def read_subject(ledger: Ledger, header: Header, patient: Node, received_at: datetime) -> Person:
    """The child. A number that is wrong, or differs from the header's, is refused: it may be somebody else."""
    person = _person(ledger, patient, strict=True)
    _compare_with_routing(ledger, header, patient, person)
    check_age(ledger, person, received_at)
    return person


def read_relative(ledger: Ledger, patient: Node, *, strict: bool = False) -> Person:
    """A person whom the header does not name. Unless ``strict``, a wrong number is left out and reported."""
    return _person(ledger, patient, strict=strict)


def _person(ledger: Ledger, patient: Node, *, strict: bool) -> Person:
    names = patient.all("name")
    official = next((name for name in names if name.says("use") == "official"), names[0] if names else None)
    others = [name for name in names if name is not official]
    ledger.take(official, "use")
    return Person(
        patient,
        _number(ledger, patient, strict=strict),
        _given(ledger, official),
        line(ledger, official.one("family")) if official else None,
        day(ledger, patient.one("birthDate")),
        tuple(_other_names(ledger, others)) if strict else (),
    )


def _number(ledger: Ledger, patient: Node, *, strict: bool) -> NhsNumber | None:
    held = [
        mark for mark in patient.all("identifier") if mark.says("system") in NHS_NUMBER and mark.says("value")
    ]
    if not held:
        ledger.note("nhs-number-missing", patient, "no NHS number: a person has to link what is sent")
        return None
    if len({mark.says("value") for mark in held}) > 1:
        ledger.refuse("several-nhs-numbers", held[1].one("value"))
        return None
    identifier, place = held[0], held[0].one("value")
    found = nhs_number(ledger, place) if place else "form"
    if not isinstance(found, NhsNumber):
        code = "nhs-number-check-digit" if found == "check-digit" else "nhs-number-malformed"
        if strict:
            ledger.refuse(code, place)
        ledger.note(code, place, "not a valid NHS number, so it identifies nobody")
        ledger.leave(identifier, code, "it is not a valid NHS number, so it is not used")
        return None
    if _verification(ledger, identifier) != _VERIFIED:
        why = "its status is not 01 (present and verified), so it is not used to identify anybody"
        ledger.leave(identifier, "nhs-number-unverified", why)
        ledger.note(
            "nhs-number-unverified", place, "not verified by the NHS: a person has to link what is sent"
        )
        return None
    return found


def _verification(ledger: Ledger, identifier: Node) -> str:
    for extension in identifier.all("extension"):
        if extension.says("url").endswith("NHSNumberVerificationStatus-1"):
            return code_in(ledger, extension.one("valueCodeableConcept"), "NHSNumberVerificationStatus-1")
    return ""


def _given(ledger: Ledger, name: Node | None) -> str | None:
    parts = [text for part in (name.all("given") if name else []) if (text := line(ledger, part))]
    joined = " ".join(parts)[:300].strip()
    return joined or None


def _other_names(ledger: Ledger, names: list[Node]) -> list[Name]:
    found: list[Name] = []
    for name in names[:_MOST_NAMES]:
        kind = _NAME_KINDS.get(name.says("use"))
        if kind is None:
            ledger.leave(name, "name-use-unclear", "it does not say what kind of name it is")
            continue
        ledger.take(name, "use")
        found.append(
            Name(given_name=_given(ledger, name), family_name=line(ledger, name.one("family")), kind=kind)
        )
    return found


def _compare_with_routing(ledger: Ledger, header: Header, patient: Node, person: Person) -> None:
    routed = header.routing
    number = next(
        (part for part in (routed.all("extension") if routed else []) if part.says("url") == "nhsNumber"),
        None,
    )
    place = number.at("valueIdentifier", "value") if number else None
    held = {
        mark.says("value").replace(" ", "")
        for mark in patient.all("identifier")
        if mark.says("system") in NHS_NUMBER
    }
    if place is None:
        ledger.note("routing-number-missing", header.node, "the header does not repeat the NHS number")
    elif held and place.text.replace(" ", "") not in held:
        ledger.refuse("nhs-number-mismatch", place)
    birth = next(
        (part for part in (routed.all("extension") if routed else []) if part.says("url") == "birthDateTime"),
        None,
    )
    said = birth.says("valueDateTime")[:10] if birth else ""
    if said and person.date_of_birth and said != person.date_of_birth.isoformat():
        ledger.note(
            "birth-date-differs",
            birth,
            "header and patient give different birth dates; the patient's is used",
        )


def check_age(ledger: Ledger, person: Person, received_at: datetime) -> None:
    """A birth in the future is refused; that the patient is grown up is noted."""
    born, patient = person.date_of_birth, person.node
    if born is None:
        return
    today = received_at.date()
    if born > today:
        ledger.refuse("impossible-date", patient.one("birthDate"), "a birth in the future")
    elif (today.year - born.year - ((today.month, today.day) < (born.month, born.day))) >= _ADULT:
        ledger.note(
            "subject-is-adult",
            patient.one("birthDate"),
            "the patient is 18 or older: not a child's event as it stands",
        )
