"""The third act: a missing family is found, and those who look for it hear that it is safe, and not where."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Final

from adapters.demo.act import Act
from adapters.demo.history import SOCIAL_WORKER
from adapters.demo.search import find
from adapters.gateway.frontdoor.actions import Person
from schemas.wire import InKind

PLACE_SEEN: Final = "ZZ99 4ZZ"
_MANAGER: Final = Person("Noor Example", "team manager")
_LOOKING: Final = ("old", "police", "school", "health")


@dataclass(slots=True)
class Missing(Act):
    """What came of it."""

    CHILD: ClassVar[str] = "9990000034"

    heard: str | None = None
    """What the front door that raised the report was told, in words."""
    found: list[str] = field(default_factory=list)
    """Files of those who look in which something of the finding area stands."""
    control: int = 0
    """The same search where it must find something."""

    def perform(self) -> None:
        """Play it. Raises StageError where something did not come in time."""
        self.teller.act("A missing family is found without being exposed")
        self._raised()
        self._sighted()
        self._searched()

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
        plan = self.publish("old", "plan.opened", self.plot.old, details)
        self.until("the plan", lambda: self.has("old", plan))
        report = self.publish(
            "old", "missing.family", self.plot.old, {"report_ref": "MIS-3", "risk": "high", "others": 1}
        )
        self.until("the report", lambda: self.has("old", report))
        self.teller.say(f"{self.plot.old.name} cannot find a family on a protection plan, and opens a watch.")

    def _sighted(self) -> None:
        details = {
            "seen_at": self.now.isoformat(),
            "place": {"postcode": PLACE_SEEN},
            "safe_and_well": "yes",
            "what": "At the front door, with her mother.",
        }
        sighting = self.publish("refuge", "missing.sighted", self.area, details)
        self.until("the sighting", lambda: self.has("refuge", sighting))
        gateway = self.gateway("refuge")
        number = next(item.number for item in gateway.inbox() if item.message_id == sighting.raw)
        gateway.finding.seen(
            number, "yes", _MANAGER, "Seen by us; the mother asks that nobody is told where."
        )
        self.until("the word that the family was seen", lambda: self._heard() is not None)
        self.heard = self._heard()
        self.teller.say(
            f"Elsewhere they are seen. A person there decides what {self.plot.old.name} hears: “{self.heard}”"
        )

    def _searched(self) -> None:
        """Every byte that those who look hold: what they were sent, keep and logged."""
        with self.teller.waiting("searching all that those who look hold ..."):
            words: list[str | bytes] = [self.area.gss, self.stage.member("refuge"), PLACE_SEEN]
            hits = find(words, self.held_by(_LOOKING))
            self.found = [f"{hit.path.name} ({hit.form})" for hit in hits]
            self.control = len(find(words, self.held_by(("refuge",))))
        self.teller.say(
            f"{len(self.held_by(_LOOKING))} files of those who look, searched for the area, its front door and the place:"
            f" {len(self.found)} found; in the finding area's own, {self.control}."
        )

    def _heard(self) -> str | None:
        said = [
            str(item.says) for item in self.gateway("old").inbox() if item.kind is InKind.NOTICE and item.says
        ]
        return next((one for one in said if "was seen" in one), None)
