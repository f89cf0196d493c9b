"""Agency to agency: who was active in the old area and has not yet sent its record on; and a school told by the desk."""

from typing import Final

from adapters.gateway.errors import NobodyToReadError, NoSuchItemError
from adapters.gateway.frontdoor.actions import Actions
from adapters.gateway.frontdoor.counterpart_list import Counterpart, Told, counterparts
from adapters.gateway.home import Home
from adapters.gateway.record.chronology import Chronology, Line
from adapters.gateway.record.composing import concerned_areas
from adapters.gateway.record.places import Places
from adapters.gateway.record.reading import Reading
from adapters.gateway.sending.drafting import draft
from adapters.gateway.sending.publishing import Publishing
from broker.clock import to_ms
from schemas.catalogue import parse_event
from schemas.ids import EventId

INCIDENT: Final = "da.incident"


class Counterparts:
    """Of one home."""

    def __init__(self, home: Home, publishing: Publishing, actions: Actions, places: Places) -> None:
        self._home = home
        self._publishing = publishing
        self._actions = actions
        self._places = places
        self._chronology = Chronology(home)
        self._reading = Reading(home)

    def of(self, handover: str) -> tuple[Counterpart, ...]:
        """Of a handover's child. Raises NoSuchItemError."""
        row, view = self._actions.handover(handover)
        if row.child is None:
            raise NoSuchItemError("no event about this child has reached us yet")
        lines = [self._told(line) for line in self._chronology.of(row.child.hex())]
        return counterparts(lines, view.from_area, self._home.directory, to_ms(self._home.clock()))

    def _told(self, line: Line) -> Told:
        event = line.read.event
        areas = None if event is None else concerned_areas(event, self._places)
        return Told(line.read.author, line.read.document, event, areas, line.taken_ms)

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
