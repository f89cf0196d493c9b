"""What a front door's people do: release, accept, decline, link, unlink, confirm. Each is a signed, sealed event."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Literal, TypeAlias

from adapters.gateway.errors import (
    NobodyVouchesError,
    NoGroundError,
    NoSuchItemError,
    NotForThisPlanError,
    NotOurSideError,
    OnlyAStayError,
)
from adapters.gateway.frontdoor.documents import between, keys_of, once, require_named, spelled
from adapters.gateway.home import Home
from adapters.gateway.orders.answering import Orders
from adapters.gateway.orders.hidden import Vouched, is_hidden
from adapters.gateway.orders.releasing import BY_POLICY, GLASS_BROKEN, ByPolicy, evidence_of, who_releases
from adapters.gateway.record.cut import require_not_cut
from adapters.gateway.record.grounds import Record
from adapters.gateway.record.live import live_in
from adapters.gateway.record.reading import Reading
from adapters.gateway.sending.drafting import draft
from adapters.gateway.sending.publishing import Publishing
from broker.calendars import day_of
from broker.errors import RejectedError
from broker.store.gateway.handovers import HandoverRow
from broker.store.gateway.store import Work
from schemas.catalogue import parse_event
from schemas.control import ASK_NOW, Action, ActionKind
from schemas.handover import HandoverView
from schemas.ids import EventId
from schemas.wire import InKind, Token

Side: TypeAlias = Literal["old", "new"]
_OLD: Final = "old"
_NEW: Final = "new"
_ON_IDENTITY: Final = frozenset({"identity.linked", "identity.unlinked"})


@dataclass(frozen=True, slots=True)
class Person:
    """Who decided: ``name, role`` as typed by the person."""

    name: str | None
    role: str

    @classmethod
    def parse(cls, text: str) -> "Person":
        """Read ``Name, role`` or just a role."""
        name, _, role = text.rpartition(",")
        return cls(name.strip() or None, role.strip())

    def document(self) -> dict[str, str]:
        """As an event names a professional."""
        return {"role": self.role} | ({"name": self.name} if self.name else {})


class Actions:
    """Publishes a front door's decisions."""

    def __init__(self, home: Home, publishing: Publishing, orders: Orders) -> None:
        self._home = home
        self._publishing = publishing
        self._orders = orders
        self._reading = Reading(home)
        self._record = Record(home, publishing.places)
        self._vouched = Vouched(home)

    def handovers(self) -> list[HandoverView]:
        """Every handover that concerns us, the newest word first."""
        with self._home.store.look() as work:
            return [HandoverView.from_bytes(row.body) for row in work.inbox.handovers()]

    def handover(self, prefix: str) -> tuple[HandoverRow, HandoverView]:
        """One handover by the beginning of its id. Raises NoSuchItemError."""
        with self._home.store.look() as work:
            found = work.inbox.handovers_like(prefix)
        if len(found) != 1:
            raise NoSuchItemError(
                f"{len(found)} handovers begin with {prefix!r}; give more of the id"
                if found
                else f"no handover here begins with {prefix!r}"
            )
        return found[0], HandoverView.from_bytes(found[0].body)

    def release(self, handover: str, by: Person) -> EventId:
        """Let the history go to the new area. Raises NoGroundError where only the router says that the child is there."""
        row, view = self.ours(handover, _OLD)
        with self._home.store.look() as work:
            vouched = self._vouched.is_endorsed(work, row.handover)
        if vouched or is_hidden(view):
            # Told after all where the child is, we still have the endorsers' word for the keys, and nobody's for the area.
            return self._release_unnamed(row, view, by)
        with self._home.store.look() as work:
            if not self._record.leads_to(work, row.child, view.to_area):
                raise NoGroundError(view.to_area)
        details = between(view) | {"by": by.document()}
        return self.act("handover.released", row, view.from_area, details, ActionKind.RELEASE)

    def _release_unnamed(self, row: HandoverRow, view: HandoverView, by: Person) -> EventId:
        """To whoever has the child: not the router's word counts, but that of the protection endorsers."""
        with self._home.store.look() as work:
            if not self._vouched.is_endorsed(work, row.handover):
                raise NobodyVouchesError
        details = {
            "from_area": view.from_area,
            "to_whoever_has_the_child": True,
            "handover_ref": view.handover.hex(),
            "by": by.document(),
        }
        return self.act("handover.released", row, view.from_area, details, ActionKind.RELEASE)

    def accept(
        self, handover: str, by: Person, *, conference: bool = False, ask_now: bool = False
    ) -> EventId:
        """Take the child's case on; from the router's taking of this, this area holds it.

        ``ask_now``, where the destination is withheld: have the old area asked for the history before 72 hours are over.
        Raises OnlyAStayError where the old area has said that the case stays with it: the router would give it back.
        """
        row, view = self.ours(handover, _NEW)
        if view.state == "staying":
            raise OnlyAStayError(self._home.directory.names().get(view.from_area, view.from_area))
        with self._home.store.work() as work:
            self._orders.hidden.accept(work, row.handover)
        details = between(view) | {
            "by": by.document(),
            "effective_at": self._home.clock().isoformat(),
            "without_bundle": not view.verified,
        }
        return self.act(
            "handover.accepted",
            row,
            view.to_area,
            details,
            ActionKind.ACCEPT,
            conference=conference,
            reason=ASK_NOW if ask_now else None,
        )

    def decline(self, handover: str, by: Person, reason: str, because: str) -> EventId:
        """Not take the case on, with a reason. The safety duty cannot be declined."""
        row, view = self.ours(handover, _NEW)
        details = between(view) | {"by": by.document(), "reason": reason, "because": because}
        return self.act("handover.declined", row, view.to_area, details, ActionKind.DECLINE, reason=reason)

    def withdraw(self, handover: str, by: Person, because: str) -> EventId:
        """Take one's own handover back."""
        row, view = self.ours(handover, _OLD)
        require_named(view)
        details = between(view) | {"by": by.document(), "because": because}
        return self.act("handover.withdrawn", row, view.from_area, details, ActionKind.WITHDRAW)

    def contest(self, handover: str, by: Person, because: str) -> EventId:
        """The new area has accepted on nobody's word but its own, and wrongly: this area keeps the case."""
        row, view = self.ours(handover, _OLD)
        require_named(view)
        details = between(view) | {"by": by.document(), "because": because}
        return self.act("handover.contested", row, view.from_area, details, ActionKind.CONTEST)

    def break_glass(self, handover: str, by: Person, live: str, reason: str, because: str) -> EventId:
        """Take the history of a child at risk before anybody has released it. Told to both areas and their boards.

        Raises NotForThisPlanError where the policy leaves that plan's history to a person of the old area.
        """
        row, view = self.ours(handover, _NEW)
        policy = self._home.directory.policy
        if not any(rule.break_glass for rule in policy.releases if rule.live.value == live):
            raise NotForThisPlanError(live)
        details = between(view) | {
            "by": by.document(),
            "live": live,
            "reason": reason,
            "because": because,
        }
        return self.act(GLASS_BROKEN, row, view.to_area, details, ActionKind.BREAK_GLASS, reason=reason)

    def release_by_policy(self, only: Collection[bytes] | None = None) -> list[EventId]:
        """Each handover, of all or ``only`` these, whose history the policy lets go: release it, once."""
        with self._home.store.look() as work:
            ready = [
                (row, view)
                for row in work.inbox.handovers(only)
                if (view := HandoverView.from_bytes(row.body)).from_area in self._home.me.areas
                and view.state == "noticed"
                and self._goes_by_policy(work, row, view)
            ]
        return [
            self.act(
                "handover.released",
                row,
                view.from_area,
                between(view) | {"by": {"role": BY_POLICY}, "pre_authorised": True},
                ActionKind.RELEASE,
                event_id=once(view, "handover.released"),
            )
            for row, view in ready
        ]

    def _goes_by_policy(self, work: Work, row: HandoverRow, view: HandoverView) -> bool:
        policy = self._home.directory.policy
        if not any(rule.pre_authorised for rule in policy.releases):
            return False
        delivery = work.inbox.by_message(view.evidence, int(InKind.VIEW))
        door = self._home.directory.front_door(view.to_area)
        if delivery is None or door is None:
            return False
        try:
            read = self._reading.delivered(work, delivery)
        except RejectedError:
            return False
        decision = who_releases(
            policy,
            live_in(self._record.of(work, row.child), day_of(self._home.clock()), not_by=door.id),
            evidence_of(read, policy),
            independent=read.author != door.id and self._record.names(read, [view.to_area]),
        )
        return isinstance(decision, ByPolicy)

    def return_or_retain(self, handover: str, by: Person, decision: str, because: str) -> EventId:
        """What becomes of a history that was read for a case that did not pass: ``return`` or ``retain``."""
        row, view = self.ours(handover, _NEW)
        details = between(view) | {"by": by.document(), "decision": decision, "because": because}
        return self.act(
            "return_or_retain.decided",
            row,
            view.to_area,
            details,
            ActionKind.RETURN_OR_RETAIN,
            reason=decision,
        )

    def conference_held(self, handover: str, by: Person, held_on: str, category: str | None) -> EventId:
        """The transfer-in conference was held: the handover of a protection plan closes."""
        row, view = self.ours(handover, _NEW)
        details: dict[str, Any] = {
            "kind": "transfer_in",
            "held_on": held_on,
            "on_plan": category is not None,
            "chair": by.document(),
        }
        if category is not None:
            details["category"] = category
        return self.act("conference.held", row, view.to_area, details, ActionKind.CONFERENCE_HELD)

    def verify_whole(self, only: Collection[bytes] | None = None) -> list[EventId]:
        """For each handover, of all or ``only`` these, whose history is whole and checked: say so, once."""
        with self._home.store.look() as work:
            ready = [
                (row, HandoverView.from_bytes(row.body), count)
                for row in work.inbox.handovers(only)
                if not row.verify_sent
                and (count := self._orders.taking.is_whole(work, row.handover)) is not None
            ]
        said = []
        for row, view, count in ready:
            details = between(view) | {"events": count, "verified_at": self._home.clock().isoformat()}
            said.append(
                self.act(
                    "handover.verified",
                    row,
                    view.to_area,
                    details,
                    ActionKind.VERIFY,
                    event_id=once(view, "handover.verified"),
                )
            )
            # A crash here: it is said again under the same id, which is once.
            with self._home.store.work() as work:
                work.inbox.verify_sent(row.handover)
        return said

    def link(self, identities: Sequence[dict[str, Any]], by: Person, why: str, evidence: str) -> EventId:
        """A named person decides that these identifiers are one child. Raises MalformedIdentifierError."""
        identities = spelled(identities)
        require_not_cut(self._home, identities)
        details = self._identity(identities, by, why) | {"evidence": [evidence]}
        action = Action(ActionKind.LINK, reason=evidence)
        return self._identify("identity.linked", identities, details, action)

    def unlink(self, identities: Sequence[dict[str, Any]], by: Person, why: str, link: str) -> EventId:
        """A named person decides that a link was wrong; everybody who was told is told.

        ``link`` is the event id of the link, or its beginning. Raises MalformedIdentifierError.
        """
        identities = spelled(identities)
        link = self._own_event(link)
        details = self._identity(identities, by, why) | {"link": link}
        return self._identify("identity.unlinked", identities, details, Action(ActionKind.UNLINK))

    def involve(self, subject: dict[str, str], member: str, by: Person) -> EventId:
        """Confirm that a member is involved with a child, so that it hears of what concerns it."""
        found = [one for one in self._home.directory.members if one.id.startswith(member.lower())]
        if len(found) != 1:
            raise NoSuchItemError(
                f"{len(found)} members begin with {member!r}; give more of the id"
                if found
                else f"the directory has no member {member}"
            )
        known, member = found[0], found[0].id
        details = {"member": member, "agency": known.kind.value, "by": by.document()}
        area = self._home.me.areas[0]
        document = draft(self._home, "involvement.confirmed", subject, area, details, residence=area)
        return self._publishing.publish(
            parse_event(document), action=Action(ActionKind.INVOLVE, member=member)
        )

    def _own_event(self, beginning: str) -> str:
        """One of our own events by the beginning of its id; an id of somebody else's is taken as it is."""
        with self._home.store.look() as work:
            own = [str(EventId.from_raw(row.event_id)) for row in work.outbox.events() if row.event_id]
        found = [event_id for event_id in own if event_id.startswith(beginning.lower())]
        if len(found) > 1:
            raise NoSuchItemError(f"{len(found)} of our events begin with {beginning!r}; give more of the id")
        return found[0] if found else EventId(beginning)

    def _identity(self, identities: Sequence[dict[str, Any]], by: Person, why: str) -> dict[str, Any]:
        return {
            "identities": list(identities),
            "decided_by": by.document(),
            "decided_at": self._home.clock().isoformat(),
            "why": why,
        }

    def _identify(
        self, kind: str, identities: Sequence[dict[str, Any]], details: dict[str, Any], action: Action
    ) -> EventId:
        subject = {name: value for one in identities for name, value in one.items()}
        area = self._home.own_area
        document = draft(self._home, kind, subject, area, details, residence=area)
        return self._publishing.publish(parse_event(document), action=action, tokens=self._tokens(identities))

    def _tokens(self, identities: Sequence[dict[str, Any]]) -> list[Token]:
        keyed = self._home.keyring.tokens()
        return [keyed.token_now(kind, value) for kind, value in keys_of(identities)]

    def act(
        self,
        kind: str,
        row: HandoverRow,
        area: str,
        details: dict[str, Any],
        action: ActionKind | None,
        *,
        reason: str | None = None,
        conference: bool = False,
        event_id: EventId | None = None,
    ) -> EventId:
        """Publish a step in a handover; without ``action`` the router is asked nothing."""
        with self._home.store.look() as work:
            subject = self._subject(work, row)
            hidden = self._orders.hidden.is_own(work, row.handover)
        document = draft(self._home, kind, subject, area, details, residence=area)
        if hidden:
            # Sealed to this side only; the side that was left hears of it through the relay, if at all.
            document["sensitivity"] = "sensitive"
        if event_id is not None:
            document["id"] = event_id
        return self._publishing.publish(
            parse_event(document),
            action=None if action is None else Action(action, row.handover, None, reason, conference),
        )

    def _subject(self, work: Work, row: HandoverRow) -> dict[str, Any]:
        """Who the handover is about, from an event that we can read ourselves: first the one that it rests on."""
        evidence = work.inbox.by_message(HandoverView.from_bytes(row.body).evidence, int(InKind.VIEW))
        about = iter(()) if row.child is None else work.inbox.of_child(row.child, int(InKind.VIEW))
        for delivery in chain([] if evidence is None else [evidence], about):
            try:
                document = self._reading.delivered(work, delivery).document
            except RejectedError:
                continue
            found: dict[str, Any] = document["subject"]
            # A decision on identity names two records, and may have been undone since.
            if document["type"] in _ON_IDENTITY:
                continue
            if found.get("nhs_number") or found.get("upn") or found.get("unborn"):
                return {key: value for key, value in found.items() if key not in {"local_ref", "case_ref"}}
        raise NoSuchItemError("no event about this child has reached us yet; wait for the notice of the move")

    def ours(self, prefix: str, side: Side) -> tuple[HandoverRow, HandoverView]:
        """One handover in which this front door is on that side. Raises NoSuchItemError, NotOurSideError."""
        row, view = self.handover(prefix)
        area = view.from_area if side == _OLD else view.to_area
        if area not in self._home.me.areas:
            raise NotOurSideError(f"only the {side} area's front door ({area}) can do this")
        return row, view
