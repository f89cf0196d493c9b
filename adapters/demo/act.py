"""What the acts about hidden and missing families share: one child, who publishes, and who holds what."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from adapters.demo.cast import Place, Plot
from adapters.demo.search import files_under, told_to_all
from adapters.demo.stage import Stage
from adapters.demo.teller import Teller
from adapters.gateway import Gateway
from schemas.ids import EventId

_WAIT_S: Final = 60.0


@dataclass(slots=True)
class Act:
    """One act about one child. Whoever has found the family is played by the role ``refuge``."""

    CHILD: ClassVar[str]
    """Its NHS number. Fictitious, as all numbers of the 999 range."""

    stage: Stage
    plot: Plot
    teller: Teller
    now: datetime

    @property
    def area(self) -> Place:
        """Where the family is."""
        return self.plot.refuge

    def publish(
        self, key: str, kind: str, area: Place, details: dict[str, Any], *, sensitivity: str | None = None
    ) -> EventId:
        """A role says something about the child."""
        document: dict[str, Any] = {
            "type": kind,
            "occurred_at": self.now.isoformat(),
            "recorded_at": self.now.isoformat(),
            "subject": {"nhs_number": self.CHILD},
            "acting_area": area.gss,
            "residence": {"gss": area.gss},
            "details": details,
        }
        return self.gateway(key).publish(document | ({"sensitivity": sensitivity} if sensitivity else {}))

    def gateway(self, key: str) -> Gateway:
        """A role's gateway."""
        return self.stage.gateways[key]

    def has(self, key: str, event_id: EventId) -> bool:
        """Whether an event is in a role's inbox."""
        inbox = self.gateway(key).inbox()
        return any(item.message_id == event_id.raw and item.state == "applied" for item in inbox)

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for it. Raises StageError where it does not come."""
        with self.teller.waiting(f"waiting for {what} ..."):
            self.stage.wait(condition, what, _WAIT_S)

    def held_by(self, keys: tuple[str, ...]) -> list[Path]:
        """Every file of these roles: what they were sent, keep and logged; the directory is everybody's."""
        homes = [self.stage.homes[key] for key in keys]
        names = ["-".join(role.name.split()) for role in self.stage.roles if role.key in keys]
        logs = [
            path
            for path in files_under(self.stage.data / "logs")
            if any(_is_of(path, name) for name in names)
        ]
        return [path for path in files_under(*homes) if not told_to_all(path)] + logs


def _is_of(log: Path, name: str) -> bool:
    """Whether a log is a member's: it is called after its part and the member, cut off where that is long."""
    member = log.stem.partition("-")[2]
    return bool(member) and name.startswith(member)
