"""Where children are, at one front door: what its record says, what a person settles, and what others hear of a sighting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from adapters.gateway.errors import AreaHiddenError, NoSuchItemError
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.home import Home
from adapters.gateway.record import whereabouts as w
from adapters.gateway.record.chronology import Chronology
from adapters.gateway.record.composing import concerned_areas
from adapters.gateway.record.live import live_in
from adapters.gateway.record.reading import Read, Reading
from adapters.gateway.record.sameness import identifiers_in
from adapters.gateway.sending.drafting import draft
from adapters.gateway.sending.publishing import Publishing
from broker.calendars import day_of
from broker.errors import RejectedError
from broker.store.gateway.store import Work
from schemas.catalogue import parse_event
from schemas.control import Action, ActionKind
from schemas.ids import EventId, GssCode
from schemas.wire import EventClass, InKind

SIGHTED: Final = "missing.sighted"
_STRONG: Final = ("nhs_number", "upn", "unborn")


@dataclass(frozen=True, slots=True)
class Found:
    """One child: where it is by our record, and every contact that may be a move."""

    child: str
    where: w.Where
    raised: tuple[w.AtOnce | w.Raise | w.DailyList, ...]

    @property
    def needs_somebody(self) -> bool:
        """Whether a person has to look: unknown, missing, or a possible move that is more than a line on a list."""
        loud = any(not isinstance(one, w.DailyList) for one in self.raised)
        return loud or not isinstance(self.where, w.At)


class Finding:
    """Looks over one front door's record, and publishes what its people settle."""

    def __init__(self, home: Home, publishing: Publishing) -> None:
        self._home = home
        self._publishing = publishing
        self._chronology = Chronology(home)
        self._reading = Reading(home)

    def children(self) -> list[Found]:
        """Every child that this front door knows of, those that need somebody first."""
        with self._home.store.look() as work:
            rows = work.inbox.about_children(int(InKind.VIEW))
        handles = dict.fromkeys(row.child.hex() for row in rows if row.child is not None)
        found = [self.of(child) for child in handles]
        return sorted(found, key=lambda one: (not one.needs_somebody, one.child))

    def of(self, child: str) -> Found:
        """One child, by the beginning of its handle. Raises NoSuchItemError."""
        reads = [line.read for line in self._chronology.of(child)]
        documents = [self._resolved(read) for read in reads]
        home = w.where(documents, self._home.own_area)
        usual, settled = w.settled_by(documents)
        today = day_of(self._home.clock())
        known = w.Known(
            home=home.area if isinstance(home, w.At) else self._home.own_area,
            since=home.at if isinstance(home, w.At) else w.LONG_AGO,
            alert=isinstance(home, w.Missing) or bool(w.AT_ONCE & live_in(reads, today)),
            address=_address(documents),
            usual=usual,
            settled=settled,
            acted=self._acted(),
        )
        contacts = w.contacts_of(documents)
        decisions = [
            w.possible_move(area, contacts, known) for area in sorted({one.area for one in contacts})
        ]
        raised = tuple(one for one in decisions if not isinstance(one, w.Nothing))
        return Found(child, home, raised)

    def confirm(self, child: str, outcome: str, area: str, by: Person, because: str) -> EventId:
        """A person settles a possible move: ``moved``, ``not_moved`` or ``usual_place``. Raises NoSuchItemError.

        A move is told as one, so that the other area hears at once; then that it was settled.
        """
        found = self.of(child)
        raised = next((one for one in found.raised if one.area == area), None)
        rests_on = [] if raised is None else [one.event for one in raised.contacts]
        subject = self._subject(child)
        if outcome == "moved":
            now = self._home.clock().isoformat()
            details = {"from_area": self._home.own_area, "to_area": area, "known_at": now}
            live = [status.value for status in live_in(self._reads(child), day_of(self._home.clock()))]
            self._publish("move.notified", subject, details | {"live": sorted(live)}, area)
        return self._publish(
            "whereabouts.recorded",
            subject,
            {
                "outcome": outcome,
                "area": area,
                "rule": raised.contacts[0].rule if raised is not None else "by_hand",
                "rests_on": rests_on,
                "because": because,
                "by": by.document(),
            },
            area if outcome == "moved" else self._home.own_area,
        )

    def unknown(self, child: str, by: Person, tried: Sequence[str], next_step: str) -> EventId:
        """Nobody knows where the child is: said aloud, with who goes on asking. Raises NoSuchItemError."""
        details = {
            "since": day_of(self._home.clock()).isoformat(),
            "tried": list(tried),
            "next_step": next_step,
            "owner": by.document(),
        }
        return self._publish("whereabouts.unknown", self._subject(child), details, None)

    def seen(self, number: int, safe: str, by: Person, because: str) -> EventId:
        """Those who look for the child hear that it was seen, and whether it is safe; where stays here.

        ``number`` is the sighting's in the inbox. Raises NoSuchItemError.
        """
        read = self._sighting(number)
        details = {
            "safe_and_well": safe,
            "rests_on": read.document["id"],
            "because": because,
            "by": by.document(),
        }
        return self._publish(
            "missing.found", _strong(read.document), details, None, Action(ActionKind.SEEN, reason=safe)
        )

    def tell_area(self, number: int, by: Person, because: str) -> EventId:
        """Those who look for the child hear where it is, as of any move: the case can be handed over.

        Raises:
            AreaHiddenError: the child is sensitive, or domestic abuse or MARAC stands within twelve months.
        """
        read = self._sighting(number)
        with self._home.store.look() as work:
            about = [read, *self._same(work, read)]
        today = day_of(self._home.clock())
        if not w.may_tell_area((one.document for one in about), today):
            raise AreaHiddenError
        area = self._home.own_area
        details = {"to_area": area, "known_at": self._home.clock().isoformat(), "remaining_agencies": []}
        sent = self._publish("move.notified", _strong(read.document), details, area)
        self.seen(number, "yes", by, because)
        return sent

    def _same(self, work: Work, read: Read) -> list[Read]:
        wanted = identifiers_in(read.document)
        found = []
        for row in work.inbox.of_kind([int(InKind.VIEW)]):
            try:
                other = self._reading.delivered(work, row)
            except RejectedError:
                continue
            if identifiers_in(other.document) & wanted:
                found.append(other)
        return found

    def _sighting(self, number: int) -> Read:
        with self._home.store.look() as work:
            row = work.inbox.get(number)
            if row is None or row.kind != int(InKind.VIEW):
                raise NoSuchItemError(f"delivery {number} is no sighting")
            read = self._reading.delivered(work, row)
        if read.type != SIGHTED:
            raise NoSuchItemError(f"delivery {number} is no sighting")
        return read

    def _acted(self) -> dict[str, tuple[int, int]]:
        """Over all children: how often each rule was right."""
        with self._home.store.look() as work:
            rows = work.inbox.about_children(int(InKind.VIEW))
            own = [row for row in rows if row.author == self._home.member_id]
            documents = []
            for row in own:
                try:
                    documents.append(self._reading.delivered(work, row).document)
                except RejectedError:
                    continue
        return w.acted_on(documents)

    def _reads(self, child: str) -> list[Read]:
        return [line.read for line in self._chronology.of(child)]

    def _subject(self, child: str) -> dict[str, Any]:
        for read in self._reads(child):
            if (found := _strong(read.document)) and not read.type.startswith("identity."):
                return found
        raise NoSuchItemError("no event about this child names it by an identifier")

    def _resolved(self, read: Read) -> dict[str, Any]:
        """What was read, with every area as the one that answers: a district's county, a dissolved area's successor.

        A move's end stands under ``to_area``, however its author said it: as the router has it, which moves the duty.
        """
        places = self._publishing.places
        answering = places.answering
        whole = dict(read.document)
        if whole.get("acting_area"):
            whole["acting_area"] = str(answering(GssCode(str(whole["acting_area"]))))
        residence = dict(whole.get("residence") or {})
        if residence.get("gss"):
            residence["gss"] = str(answering(GssCode(str(residence["gss"]))))
            whole["residence"] = residence
        details = dict(whole.get("details", {}))
        for name in ("to_area", "from_area", "area"):
            if isinstance(details.get(name), str):
                details[name] = str(answering(GssCode(details[name])))
        is_move = read.manifest.header.event_class is EventClass.MOVE
        if is_move and read.event is not None and (end := concerned_areas(read.event, places).to_area):
            details["to_area"] = str(end)
        whole["details"] = details
        return whole

    def _publish(
        self,
        kind: str,
        subject: dict[str, Any],
        details: dict[str, Any],
        residence: str | None,
        action: Action | None = None,
    ) -> EventId:
        document = draft(self._home, kind, subject, self._home.own_area, details, residence=residence)
        return self._publishing.publish(parse_event(document), action=action)


def _strong(document: Mapping[str, Any]) -> dict[str, Any]:
    subject = document.get("subject", {})
    return {name: subject[name] for name in _STRONG if subject.get(name)}


def _address(documents: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The newest address that the record gives for the child's home."""
    for document in reversed(documents):
        residence = document.get("residence") or {}
        if residence.get("address") and not residence.get("temporary"):
            return tuple(str(line) for line in (*residence["address"], residence.get("postcode") or ""))
    return ()


def since_text(since: date) -> str:
    """A day in words; nothing where none was said."""
    return "" if since == date.min else f" since {since.isoformat()}"
