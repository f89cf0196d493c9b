"""The second act: a family flees to a refuge, and the area that it left goes on without ever learning where it is."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from adapters.demo.act import Act
from adapters.demo.history import SOCIAL_WORKER
from adapters.demo.search import find
from adapters.demo.stage import ENDORSERS
from adapters.gateway.frontdoor.actions import Person
from schemas.handover import HandoverView
from schemas.hiding import HIDDEN
from schemas.wire import InKind

REFUGE_POSTCODE: Final = "ZZ99 3WZ"
_OLD_WORKER: Final = Person("Rowan Example", "team manager")
_NEW_WORKER: Final = Person("Ash Sample", "team manager")
_OLD_SIDE: Final = ("old", "school", "health", "police", "board")
"""Whoever serves the area that was left, whether it serves another as well or not."""


@dataclass(slots=True)
class Refuge(Act):
    """What came of it."""

    CHILD: ClassVar[str] = "9990000026"

    told: HandoverView | None = None
    """What the old area's front door was told."""
    history: int = 0
    """Events of the child's history that its new front door has read."""
    found: list[str] = field(default_factory=list)
    """Files of the old side in which something of the new one stands."""
    own_word_refused: bool = True
    """No endorser's gateway vouched on the new front door's word alone."""
    control: int = 0
    """The same search where it must find something."""

    def perform(self) -> None:
        """Play it. Raises StageError where something did not come in time."""
        self.teller.act("A refuge move that stays hidden")
        self._before()
        self._flight()
        self._taken_on()
        self._released()
        self._searched()

    def _before(self) -> None:
        old = self.plot.old
        details: dict[str, Any] = {
            "plan": "child_in_need",
            "plan_ref": "CIN-2",
            "manager": SOCIAL_WORKER,
            "started_on": _day(self.now),
        }
        plan = self.publish("old", "plan.opened", old, details)
        self.until("the plan", lambda: self.has("old", plan))
        details = {
            "police_ref": "DEMO-77",
            "incident_at": self.now.isoformat(),
            "children_present": "yes",
            "circumstances": "Called by a neighbour.",
            "dash_score": 17,
        }
        incident = self.publish("police", "da.incident", old, details)
        self.until("the incident", lambda: self.has("old", incident))
        self.teller.say(
            f"Example constabulary tells of domestic abuse: from here on, wherever the child goes is withheld from {old.name}."
        )

    def _flight(self) -> None:
        details = {
            "from_area": self.plot.old.gss,
            "to_area": self.area.gss,
            "to_place": {"gss": self.area.gss, "postcode": REFUGE_POSTCODE, "temporary": True},
            "known_at": self.now.isoformat(),
            "authority": "duty manager",
        }
        self.publish("refuge", "move.destination_withheld", self.area, details, sensitivity="sensitive")
        self.until("the notice at the refuge's front door", lambda: self._view("refuge") is not None)
        self.teller.say(
            "A front door elsewhere reports the family safe with it: it has the safety duty. Nobody else says so yet:"
            " no gateway of a protection endorser vouches for its one-time keys on that word alone."
        )
        for key in ENDORSERS:
            self._vouched_by(key)
        self.teller.say(
            "A person at each of two endorsers telephones there, and vouches by name. Whose the keys are, only they know;"
            " of whom, not even they."
        )

    def _vouched_by(self, key: str) -> None:
        asked = self.gateway(key).orders.hidden.endorsing
        self.until("the request for endorsement", lambda: any(row.code for row in asked.all()))
        [request] = asked.all()
        self.own_word_refused &= request.code == "own-word"
        asked.vouch(request.ticket.hex(), "Kim Specimen, coordinator", "Telephoned the duty manager there.")

    def _taken_on(self) -> None:
        view = self._view("refuge")
        if view is None:
            return
        self.gateway("refuge").actions.accept(view.handover.hex(), _NEW_WORKER, ask_now=True)
        self.until("the word of the relay", lambda: self._state("old") == "closed" and self._vouched())
        self.told = self._view("old")
        self.teller.say(
            f"{self.plot.old.name} is told, at a moment of a fixed grid: taken on, destination withheld; the acceptance is"
            " signed with the one-time key."
        )

    def _released(self) -> None:
        view = self._view("old")
        if view is None:
            return
        self.gateway("old").actions.release(view.handover.hex(), _OLD_WORKER)
        self.until("the whole history", lambda: self._verified("refuge"))
        self.until("its count", lambda: self._granted() > 0)
        self.history = self._granted()
        self.teller.say(
            f"{_OLD_WORKER.name} releases the history to whoever has the child: {self.history} events, sealed to a key"
            " without a name, read where the family is."
        )

    def _searched(self) -> None:
        """Every byte that the old side holds: what it was sent, keeps and logged."""
        with self.teller.waiting("searching all that the old side holds ..."):
            words = self._words()
            # Witnesses sign the log's heads by name, every second, whatever happens to whom: any board has those.
            witness = f"\u2014 {self.stage.member('refuge')} ".encode()
            hits = find(words, self.held_by(_OLD_SIDE), but=[witness])
            self.found = [f"{hit.path.name} ({hit.form})" for hit in hits]
            self.control = len(find(words, self.held_by(("refuge",))))
        self.teller.say(
            f"{len(self.held_by(_OLD_SIDE))} files of the old side, its board's included, searched for {len(words)} words:"
            f" {len(self.found)} found{self._where()}; in the refuge's own, {self.control}."
        )

    def _where(self) -> str:
        return f" ({', '.join(sorted(set(self.found)))})" if self.found else ""

    def holds(self) -> bool:
        """Whether what this act claims was seen."""
        told = self.told
        return (
            told is not None
            and (told.to_area, told.holder, told.safety) == (HIDDEN, HIDDEN, HIDDEN)
            and self.history > 0
            and self.own_word_refused
            and not self.found
            and self.control > 0
        )

    def _words(self) -> list[str | bytes]:
        directory = self.gateway("refuge").home.directory
        member = directory.member(self.stage.member("refuge"))
        keys = () if member is None else member.keys
        words: list[str | bytes] = [
            self.area.gss,
            self.area.name,
            self.stage.member("refuge"),
            REFUGE_POSTCODE,
        ]
        return words + [key.key_id for key in keys] + [bytes.fromhex(key.key_id) for key in keys]

    def _view(self, key: str) -> HandoverView | None:
        """The handover of this act, as one front door shows it."""
        wanted = HIDDEN if key == "old" else self.area.gss
        return next((view for view in self.gateway(key).actions.handovers() if view.to_area == wanted), None)

    def _state(self, key: str) -> str | None:
        view = self._view(key)
        return None if view is None else view.state

    def _granted(self) -> int:
        view = self._view("refuge")
        return 0 if view is None else view.granted

    def _verified(self, key: str) -> bool:
        view = self._view(key)
        return view is not None and view.verified

    def _vouched(self) -> bool:
        return any(
            item.kind is InKind.NOTICE and "vouch" in str(item.says) for item in self.gateway("old").inbox()
        )


def _day(now: datetime) -> str:
    return (now - timedelta(days=30)).date().isoformat()
