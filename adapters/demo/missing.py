"""The third act: a missing family is found, and those who look for it hear that it is safe, and not where."""

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
from schemas.ids import EventId
from schemas.wire import InKind

CHILD: Final = "9990000034"
"""Fictitious, as all numbers of the 999 range."""
PLACE_SEEN: Final = "ZZ99 4ZZ"
_MANAGER: Final = Person("Noor Example", "team manager")
_LOOKING: Final = ("old", "police", "school", "health")
_WAIT_S: Final = 60.0


@dataclass(slots=True)
class Missing:
    """What came of it."""

    stage: Stage
    plot: Plot
    teller: Teller
    now: datetime
    heard: str | None = None
    """What the front door that raised the report was told, in words."""
    found: list[str] = field(default_factory=list)
    """Files of those who look in which something of the finding area stands."""
    control: int = 0
    """The same search where it must find something."""

    def perform(self) -> None:
        """Play it. Raises StageError where something did not come in time."""
        self.teller.act("6. A missing family is found without being exposed")
        self._raised()
        self._sighted()
        self._searched()

    @property
    def area(self) -> Place:
        """Where the family is."""
        return self.plot.refuge

    def holds(self) -> bool:
        """Whether what this act claims was seen."""
        return self.heard is not None and "is safe" in self.heard and not self.found and self.control > 0

    def _raised(self) -> None:
        details: dict[str, Any] = {
            "plan": "child_protection",
            "plan_ref": "CP-3",
            "initial_category": "NEG",
            "latest_category": "NEG",
            "manager": SOCIAL_WORKER,
            "started_on": (self.now - timedelta(days=30)).date().isoformat(),
        }
        plan = self._publish("old", "plan.opened", self.plot.old, details)
        self._until("the plan", lambda: self._has("old", plan))
        report = self._publish(
            "old", "missing.family", self.plot.old, {"report_ref": "MIS-3", "risk": "high", "others": 1}
        )
        self._until("the report", lambda: self._has("old", report))
        self.teller.say(f"{self.plot.old.name} cannot find a family on a protection plan, and opens a watch.")

    def _sighted(self) -> None:
        details = {
            "seen_at": self.now.isoformat(),
            "place": {"postcode": PLACE_SEEN},
            "safe_and_well": "yes",
            "what": "At the front door, with her mother.",
        }
        sighting = self._publish("refuge", "missing.sighted", self.area, details)
        self._until("the sighting", lambda: self._has("refuge", sighting))
        gateway = self._gateway("refuge")
        number = next(item.number for item in gateway.inbox() if item.message_id == sighting.raw)
        gateway.finding.seen(
            number, "yes", _MANAGER, "Seen by us; the mother asks that nobody is told where."
        )
        self._until("the word that the family was seen", lambda: self._heard() is not None)
        self.heard = self._heard()
        self.teller.say(
            f"Elsewhere they are seen. A person there decides what {self.plot.old.name} hears: “{self.heard}”"
        )

    def _searched(self) -> None:
        """Every byte that those who look hold: what they were sent, keep and logged."""
        with self.teller.waiting("searching all that those who look hold ..."):
            words: list[str | bytes] = [self.area.gss, self.stage.member("refuge"), PLACE_SEEN]
            hits = find(words, self._files(_LOOKING))
            self.found = [f"{hit.path.name} ({hit.form})" for hit in hits]
            self.control = len(find(words, self._files(("refuge",))))
        self.teller.say(
            f"{len(self._files(_LOOKING))} files of those who look, searched for the area, its front door and the place:"
            f" {len(self.found)} found; in the finding area's own, {self.control}."
        )

    def _heard(self) -> str | None:
        said = [
            str(item.says)
            for item in self._gateway("old").inbox()
            if item.kind is InKind.NOTICE and item.says
        ]
        return next((one for one in said if "was seen" in one), None)

    def _files(self, keys: tuple[str, ...]) -> list[Path]:
        files = files_under(*(self.stage.homes[key] for key in keys))
        return [path for path in files if not told_to_all(path)]

    def _publish(self, key: str, kind: str, area: Place, details: dict[str, Any]) -> EventId:
        return self._gateway(key).publish(
            {
                "type": kind,
                "occurred_at": self.now.isoformat(),
                "recorded_at": self.now.isoformat(),
                "subject": {"nhs_number": CHILD},
                "acting_area": area.gss,
                "residence": {"gss": area.gss},
                "details": details,
            }
        )

    def _gateway(self, key: str) -> Gateway:
        return self.stage.gateways[key]

    def _has(self, key: str, event_id: EventId) -> bool:
        inbox = self._gateway(key).inbox()
        return any(item.message_id == event_id.raw and item.state == "applied" for item in inbox)

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        with self.teller.waiting(f"waiting for {what} ..."):
            self.stage.wait(condition, what, _WAIT_S)
