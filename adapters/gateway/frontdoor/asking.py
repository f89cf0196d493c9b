"""On what terms a child is in another area: asked by a person of the area that has the case, or by the policy's kinds.

The kind stands in the sealed, signed request, for people. The router is told whether the case is to pass, no more.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.gateway.errors import NoSuchItemError
from adapters.gateway.frontdoor.actions import Actions, Person
from adapters.gateway.frontdoor.documents import between, once, require_named
from adapters.gateway.home import Home
from adapters.gateway.record.owing import says
from adapters.gateway.record.reading import Read, Reading
from broker.errors import RejectedError
from broker.store.gateway.handovers import HandoverRow
from broker.store.gateway.store import Work
from schemas.codes.cases import HandoverKind, PlanKind
from schemas.control import ActionKind
from schemas.handover import HandoverView
from schemas.handover_words import PASSES, STAYS
from schemas.ids import EventId
from schemas.kinds import KindRule, Terms
from schemas.wire import EventClass, InKind

REQUESTED: Final = "transfer.requested"
_MUST_BE_ASKED: Final = frozenset({"declined", "staying"})
"""Where the case does not pass as it is."""


@dataclass(frozen=True, slots=True)
class Together:
    """A family that moves: its children by their handovers, and what was said of everybody."""

    ref: str
    children: dict[str, HandoverView]
    people: list[dict[str, Any]]
    adults: dict[str, Any]

    @property
    def left_behind(self) -> list[dict[str, Any]]:
        """Who stays."""
        return [one for one in self.people if one["moving"] != "yes"]


class Asking:
    """Says, and finds, of what kind a handover is."""

    def __init__(self, home: Home, actions: Actions) -> None:
        self._home = home
        self._actions = actions
        self._reading = Reading(home)

    def ask(self, handover: str, by: Person, kind: HandoverKind, plan: PlanKind) -> EventId:
        """Ask the new area to take the case, or say that it keeps it: by the kind, as the policy has it.

        Raises NoSuchItemError, NotOurSideError; NoSuchItemError where the policy does not know the kind, or it is none between areas.
        """
        row, view = self._actions.ours(handover, "old")
        require_named(view)
        rule = self._between(kind)
        return self._say(row, view, rule, {"plan": plan.value, "by": by.document()})

    def household(
        self,
        handovers: Sequence[str],
        by: Person,
        kind: HandoverKind,
        plan: PlanKind,
        left_behind: Sequence[dict[str, Any]],
        adults: dict[str, Any],
    ) -> list[EventId]:
        """Ask for the children of one family together: a request each, which says who moves with whom and who stays.

        ``left_behind``: people as an event names them; ``adults``: those in contact, or when that was asked in vain.
        Raises as ``ask``, before anything is sent.
        """
        rule = self._between(kind)
        found = [self._actions.ours(one, "old") for one in handovers]
        for _, view in found:
            require_named(view)
        moving = [{"ref": view.handover.hex()[:8], "child": True, "moving": "yes"} for _, view in found]
        household = {
            "ref": self._home.entropy(16).hex(),
            "people": [*moving, *({"moving": "no"} | one for one in left_behind)],
            "adults_in_contact": adults,
        }
        details = {"plan": plan.value, "by": by.document(), "household": household}
        return [self._say(row, view, rule, details) for row, view in found]

    def households(self) -> list[Together]:
        """Every family that was asked for together, as far as this front door was told; by the newest request."""
        with self._home.store.look() as work:
            held = {
                row.handover.hex(): (row, HandoverView.from_bytes(row.body)) for row in work.inbox.handovers()
            }
            asked = [
                read.document["details"]
                for row, _ in held.values()
                for read in self._requests(work, row)
                if read.document["details"].get("household")
            ]
        found: dict[str, Together] = {}
        for details in asked:
            said = details["household"]
            together = found.setdefault(
                said["ref"], Together(said["ref"], {}, said["people"], said["adults_in_contact"])
            )
            if (pair := held.get(details.get("handover_ref", ""))) is not None:
                together.children[details["handover_ref"]] = pair[1]
        return list(found.values())

    def ask_by_policy(self, only: Collection[bytes] | None = None) -> list[EventId]:
        """Each new handover, of all or ``only`` these, that rests on a signed event from which its kind follows: say that the case stays, once.

        Not on the word of the new area itself: what the old one answers to that is for a person.
        """
        me = self._home.me
        with self._home.store.look() as work:
            ready = [
                (row, view, rule)
                for row in work.inbox.handovers(only)
                if (view := HandoverView.from_bytes(row.body)).from_area in me.areas
                and view.state == "noticed"
                and not self._is_own_word(work, view)
                if (rule := self._follows(work, view)) is not None and rule.terms is Terms.STAYS
            ]
        return [
            self._say(row, view, rule, {"plan": rule.by_policy.value}, once(view, f"ask {rule.kind.value}"))
            for row, view, rule in ready
            if rule.by_policy is not None
        ]

    def kind_of(self, row: HandoverRow, view: HandoverView) -> HandoverKind | None:
        """By the last request in it; else by the event that it rests on; None: nobody has said."""
        with self._home.store.look() as work:
            asked = [read for read in self._requests(work, row) if _is_about(read, view)]
            if asked:
                return HandoverKind(asked[-1].document["details"].get("kind", HandoverKind.PERMANENT.value))
            if (rule := self._follows(work, view)) is not None:
                return rule.kind
            evidence = self._evidence(work, view)
        if self._home.directory.front_door(view.to_area) is None:
            return HandoverKind.NON_MEMBER
        unborn = evidence is not None and evidence.document["subject"].get("unborn")
        return HandoverKind.UNBORN if unborn else None

    def _between(self, kind: HandoverKind) -> KindRule:
        rule = self._home.directory.policy.kind(kind)
        if rule is None or rule.terms is Terms.INSIDE:
            raise NoSuchItemError(f"{kind.value} is no kind of handover between two areas in this policy")
        return rule

    def _say(
        self,
        row: HandoverRow,
        view: HandoverView,
        rule: KindRule,
        details: dict[str, Any],
        event_id: EventId | None = None,
    ) -> EventId:
        stays = rule.terms is Terms.STAYS
        asks = stays or (rule.terms is Terms.PASSES and view.state in _MUST_BE_ASKED)
        return self._actions.act(
            REQUESTED,
            row,
            view.from_area,
            between(view) | {"kind": rule.kind.value} | details,
            ActionKind.ASK if asks else None,
            reason=STAYS if stays else PASSES,
            event_id=event_id,
        )

    def _follows(self, work: Work, view: HandoverView) -> KindRule | None:
        read = self._evidence(work, view)
        if read is None or read.event is None:
            return None
        fits = (
            rule
            for rule in self._home.directory.policy.kinds
            if read.type in rule.opened_by and says(read.event, rule.when)
        )
        return next(fits, None)

    def _is_own_word(self, work: Work, view: HandoverView) -> bool:
        read, door = self._evidence(work, view), self._home.directory.front_door(view.to_area)
        return read is not None and door is not None and read.author == door.id

    def _evidence(self, work: Work, view: HandoverView) -> Read | None:
        delivery = work.inbox.by_message(view.evidence, int(InKind.VIEW))
        try:
            return None if delivery is None else self._reading.delivered(work, delivery)
        except RejectedError:
            return None

    def _requests(self, work: Work, row: HandoverRow) -> list[Read]:
        found = []
        kind, of_class = int(InKind.VIEW), int(EventClass.HANDOVER)
        about = [] if row.child is None else work.inbox.of_child_in_class(row.child, kind, of_class)
        for delivery in about:
            try:
                read = self._reading.delivered(work, delivery)
            except RejectedError:
                continue
            if read.type == REQUESTED:
                found.append(read)
        return found


def _is_about(read: Read, view: HandoverView) -> bool:
    return bool(read.document["details"].get("handover_ref") == view.handover.hex())
