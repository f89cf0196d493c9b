"""Agency to agency: who was active in the old area and has not yet sent its record on; and a school told by the desk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.gateway.errors import NobodyToReadError, NoSuchItemError
from adapters.gateway.frontdoor.actions import Actions
from adapters.gateway.home import Home
from adapters.gateway.record.chronology import Chronology
from adapters.gateway.record.reading import Reading
from adapters.gateway.sending.drafting import draft
from adapters.gateway.sending.publishing import Publishing
from schemas.catalogue import parse_event
from schemas.codes.members import MemberKind
from schemas.directory import Directory
from schemas.ids import EventId

SENT: Final = "counterpart.sent"
INCIDENT: Final = "da.incident"
OWES: Final[Mapping[MemberKind, tuple[str, str, str]]] = {
    MemberKind.SCHOOL: (
        "protection_file",
        "5 school days, with a receipt; the common transfer file in 15",
        "KCSIE-BR",
    ),
    MemberKind.EDUCATION: ("common_transfer_file", "15 school days", "CTF8"),
    MemberKind.HEALTH_PROVIDER: (
        "health_record",
        "no limit is published: as soon as the move is known",
        "P-DOR1",
    ),
    MemberKind.CHILD_HEALTH: (
        "health_record",
        "no limit is published: as soon as the move is known",
        "P-DOR1",
    ),
    MemberKind.GP: ("practice_record", "on registration, and a call for whatever worries", "RCGP"),
    MemberKind.YOUTH_JUSTICE: ("youth_justice_record", "before the hand-over of supervision", "SEC-BU"),
    MemberKind.HOUSING: ("housing_notice", "14 days beginning with the placement", "S208"),
    MemberKind.EARLY_HELP: ("early_help_record", "5 working days", "P-DOR1"),
}
"""What an agency of each kind sends to its counterpart, until when, and by whose rule."""


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One agency that was active in the old area."""

    member: str
    name: str
    what: str
    limit: str
    source: str
    to: str | None
    """Whom it has sent it to; None: it has not yet."""


def counterparts(
    lines: Iterable[tuple[str, Mapping[str, Any]]], old_area: str, directory: Directory
) -> tuple[Counterpart, ...]:
    """Who was active in the old area, and who of them has sent its record on. ``lines``: author and document. Pure.

    Those that have not come first. A member's own word that it works with the child does not make it active here: what
    it wrote about the child does, or a front door's confirmation.
    """
    active = {}
    sent: dict[str, str] = {}
    for author, document in lines:
        details = document.get("details", {})
        if document.get("type") == SENT:
            sent[author] = str(details.get("to_member"))
            continue
        confirmed = details.get("member") if document.get("type") == "involvement.confirmed" else None
        about = confirmed if isinstance(confirmed, str) else author
        member = directory.member(about)
        acts_there = document.get("acting_area") == old_area or confirmed is not None
        if member is not None and member.kind in OWES and acts_there and old_area in member.acting_areas:
            active[about] = member
    found = [
        Counterpart(
            str(member.id),
            member.name,
            *OWES[member.kind],
            None if member.id not in sent else _name(sent[member.id], directory),
        )
        for member in active.values()
    ]
    return tuple(sorted(found, key=lambda one: (one.to is not None, one.name)))


def _name(member_id: str, directory: Directory) -> str:
    member = directory.member(member_id)
    return member_id if member is None else member.name


class Counterparts:
    """Of one home."""

    def __init__(self, home: Home, publishing: Publishing, actions: Actions) -> None:
        self._home = home
        self._publishing = publishing
        self._actions = actions
        self._chronology = Chronology(home)
        self._reading = Reading(home)

    def of(self, handover: str) -> tuple[Counterpart, ...]:
        """Of a handover's child. Raises NoSuchItemError."""
        row, view = self._actions.handover(handover)
        if row.child is None:
            raise NoSuchItemError("no event about this child has reached us yet")
        lines = [(line.read.author, line.read.document) for line in self._chronology.of(row.child.hex())]
        return counterparts(lines, view.from_area, self._home.directory)

    def encompass(self, number: int, school: str) -> EventId:
        """Tell a school, by the desk's own roll, of a domestic abuse incident that came to the desk.

        ``number`` is the incident's in the inbox, ``school`` the beginning of a member's id.

        Raises:
            NoSuchItemError: it is no such incident, or no one school.
            NobodyToReadError: the policy lets this member not be told.
        """
        with self._home.store.look() as work:
            row = work.inbox.get(number)
            if row is None:
                raise NoSuchItemError(f"there is no delivery {number}")
            read = self._reading.delivered(work, row)
        if read.type != INCIDENT:
            raise NoSuchItemError(f"delivery {number} is no domestic abuse incident")
        directory = self._home.directory
        found = [one for one in directory.members if one.id.startswith(school.lower())]
        if len(found) != 1:
            raise NoSuchItemError(f"{len(found)} members begin with {school!r}")
        if found[0].kind not in directory.policy.rule("encompass.passed_on").addressed:
            raise NobodyToReadError
        told = read.document
        details = told["details"]
        passed = {
            "to_member": str(found[0].id),
            "rests_on": told["id"],
            "incident_on": str(details["incident_at"])[:10],
            "police_ref": details.get("police_ref"),
            "children_present": details["children_present"],
            "circumstances": details["circumstances"],
            "childs_words": details.get("childs_words"),
        }
        subject = {
            name: value for name, value in told["subject"].items() if name not in {"local_ref", "case_ref"}
        }
        said = {name: value for name, value in passed.items() if value is not None}
        document = draft(self._home, "encompass.passed_on", subject, self._home.me.areas[0], said)
        return self._publishing.publish(parse_event(document))
