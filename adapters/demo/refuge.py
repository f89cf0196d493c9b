"""The second act: a family flees to a refuge, and the area that it left goes on without ever learning where it is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from adapters.demo.cast import Place, Plot
from adapters.demo.history import SOCIAL_WORKER
from adapters.demo.search import files_under, find, told_to_all
from adapters.demo.stage import Stage
from adapters.demo.teller import Teller
from adapters.gateway import Gateway
from adapters.gateway.actions import Person
from schemas.handover import HandoverView
from schemas.hiding import HIDDEN
from schemas.ids import EventId
from schemas.wire import InKind

CHILD: Final = "9990000026"
"""Fictitious, as all numbers of the 999 range."""
REFUGE_POSTCODE: Final = "ZZ99 3WZ"
_OLD_WORKER: Final = Person("Rowan Example", "team manager")
_NEW_WORKER: Final = Person("Ash Sample", "team manager")
_OLD_SIDE: Final = ("old", "school", "health", "police", "board")
"""Whoever serves the area that was left, whether it serves another as well or not."""
_WAIT_S: Final = 60.0


@dataclass(slots=True)
class Refuge:
    """What came of it."""

    stage: Stage
    plot: Plot
    teller: Teller
    now: datetime
    told: HandoverView | None = None
    """What the old area's front door was told."""
    history: int = 0
    """Events of the child's history that its new front door has read."""
    found: list[str] = field(default_factory=list)
    """Files of the old side in which something of the new one stands."""
    control: int = 0
    """The same search where it must find something."""

    def perform(self) -> None:
        """Play it. Raises StageError where something did not come in time."""
        self.teller.act("5. A refuge move that stays hidden")
        self._before()
        self._flight()
        self._taken_on()
        self._released()
        self._searched()

    @property
    def area(self) -> Place:
        """Where the refuge is."""
        return self.plot.refuge

    def _before(self) -> None:
        old = self.plot.old
        details: dict[str, Any] = {
            "plan": "child_in_need",
            "plan_ref": "CIN-2",
            "manager": SOCIAL_WORKER,
            "started_on": _day(self.now),
        }
        plan = self._publish("old", "plan.opened", old, details)
        self._until("the plan", lambda: self._has("old", plan))
        details = {
            "police_ref": "DEMO-77",
            "incident_at": self.now.isoformat(),
            "children_present": "yes",
            "circumstances": "Called by a neighbour.",
            "dash_score": 17,
        }
        incident = self._publish("police", "da.incident", old, details)
        self._until("the incident", lambda: self._has("old", incident))
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
        self._publish("refuge", "move.destination_withheld", self.area, details, sensitivity="sensitive")
        self._until("the notice at the refuge's front door", lambda: self._view("refuge") is not None)
        self.teller.say(
            "A front door elsewhere reports the family safe with it: it has the safety duty. Two protection endorsers"
            " vouch for one-time keys that it made; whose they are, only they know."
        )

    def _taken_on(self) -> None:
        view = self._view("refuge")
        if view is None:
            return
        self._gateway("refuge").actions.accept(view.handover.hex(), _NEW_WORKER, ask_now=True)
        self._until("the word of the relay", lambda: self._state("old") == "closed" and self._vouched())
        self.told = self._view("old")
        self.teller.say(
            f"{self.plot.old.name} is told, at a moment of a fixed grid: taken on, destination withheld; the acceptance is"
            " signed with the one-time key."
        )

    def _released(self) -> None:
        view = self._view("old")
        if view is None:
            return
        self._gateway("old").actions.release(view.handover.hex(), _OLD_WORKER)
        self._until("the whole history", lambda: self._verified("refuge"))
        self._until("its count", lambda: self._granted() > 0)
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
            hits = find(words, self._files(_OLD_SIDE), but=[witness])
            self.found = [f"{hit.path.name} ({hit.form})" for hit in hits]
            self.control = len(find(words, self._files(("refuge",))))
        self.teller.say(
            f"{len(self._files(_OLD_SIDE))} files of the old side, its board's included, searched for {len(words)} words:"
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
            and not self.found
            and self.control > 0
        )

    def _words(self) -> list[str | bytes]:
        directory = self._gateway("refuge").home.directory
        member = directory.member(self.stage.member("refuge"))
        keys = () if member is None else member.keys
        words: list[str | bytes] = [
            self.area.gss,
            self.area.name,
            self.stage.member("refuge"),
            REFUGE_POSTCODE,
        ]
        return words + [key.key_id for key in keys] + [bytes.fromhex(key.key_id) for key in keys]

    def _files(self, keys: tuple[str, ...]) -> list[Path]:
        homes = [self.stage.homes[key] for key in keys]
        logs = [
            path
            for path in files_under(self.stage.data / "logs")
            if any(home.name in path.name for home in homes)
        ]
        return [path for path in files_under(*homes) if not told_to_all(path)] + logs

    def _publish(
        self, key: str, kind: str, area: Place, details: dict[str, Any], *, sensitivity: str | None = None
    ) -> EventId:
        document: dict[str, Any] = {
            "type": kind,
            "occurred_at": self.now.isoformat(),
            "recorded_at": self.now.isoformat(),
            "subject": {"nhs_number": CHILD},
            "acting_area": area.gss,
            "residence": {"gss": area.gss},
            "details": details,
        }
        return self._gateway(key).publish(document | ({"sensitivity": sensitivity} if sensitivity else {}))

    def _gateway(self, key: str) -> Gateway:
        return self.stage.gateways[key]

    def _view(self, key: str) -> HandoverView | None:
        """The handover of this act, as one front door shows it."""
        wanted = HIDDEN if key == "old" else self.area.gss
        return next((view for view in self._gateway(key).actions.handovers() if view.to_area == wanted), None)

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
            item.kind is InKind.NOTICE and "vouch" in str(item.says) for item in self._gateway("old").inbox()
        )

    def _has(self, key: str, event_id: EventId) -> bool:
        inbox = self._gateway(key).inbox()
        return any(item.message_id == event_id.raw and item.state == "applied" for item in inbox)

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        with self.teller.waiting(f"waiting for {what} ..."):
            self.stage.wait(condition, what, _WAIT_S)


def _day(now: datetime) -> str:
    return (now - timedelta(days=30)).date().isoformat()
