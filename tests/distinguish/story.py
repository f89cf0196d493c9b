"""One flight, told with or without hiding: what the side that was left does is the same in every run."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.gateway.frontdoor.actions import Person
from schemas.ids import GssCode
from tests.distinguish.world import BEGIN, DURHAM, LANCASHIRE, OLD, Mesh
from tests.support.events import CHILD

NEW: Final[dict[GssCode, str]] = {DURHAM: "durham", LANCASHIRE: "lancashire"}
MORE: Final[dict[GssCode, tuple[tuple[str, str], ...]]] = {
    DURHAM: (("durham-health", "appointment.missed"),),
    LANCASHIRE: (
        ("lancashire-school", "school.joined"),
        ("lancashire-gp", "gp.changed"),
        ("lancashire-health", "appointment.missed"),
        ("lancashire-police", "household.changed"),
    ),
}
"""What the members of the new area go on to say of the child: many in the larger one."""
DECIDES_H: Final[dict[GssCode, tuple[float, float]]] = {DURHAM: (1, 4), LANCASHIRE: (8, 30)}
"""How many hours a person of the new area takes to accept."""
_OLD_MANAGER: Final = Person("Rowan Example", "team manager")
_NEW_MANAGER: Final = Person("Kim Specimen", "team manager")
END: Final = BEGIN + timedelta(hours=91)


@dataclass(frozen=True, slots=True)
class Told:
    """A story that was played: in which exchange, and where the family went."""

    mesh: Mesh
    area: GssCode
    hidden: bool


def play(mesh: Mesh, area: GssCode, *, hidden: bool = True) -> Told:
    """Friday 20:00 a plan is open; the police come; the family flees; the new area takes it on; papers follow.

    With ``hidden`` False the same happens without any sign of abuse: the old area is told everything.
    """
    chance = random.Random(f"story {mesh.seed}")
    _before(mesh, hidden=hidden)
    arrives = BEGIN + timedelta(hours=chance.uniform(4, 8))
    mesh.at(arrives, lambda: _arrival(mesh, area))
    if hidden:
        mesh.at(arrives + timedelta(hours=1), lambda: _flag(mesh, area))
    mesh.at(arrives + timedelta(hours=chance.uniform(*DECIDES_H[area])), lambda: _accept(mesh, area))
    for place, (name, kind) in enumerate(MORE[area]):
        mesh.at(
            arrives + timedelta(hours=2 + 5 * place + chance.uniform(0, 3)),
            lambda name=name, kind=kind: mesh.publish(name, kind, area=area),  # type: ignore[misc]
        )
    mesh.at(BEGIN + timedelta(hours=30), lambda: mesh.publish("old-school", "attendance.summary", area=OLD))
    mesh.at(BEGIN + timedelta(hours=83, minutes=7), lambda: _release(mesh))
    mesh.at(BEGIN + timedelta(hours=85), lambda: mesh.publish("old-health", "appointment.missed", area=OLD))
    mesh.run(END)
    return Told(mesh, area, hidden)


def _before(mesh: Mesh, *, hidden: bool) -> None:
    mesh.publish("old", "plan.opened", area=OLD, details={"plan_ref": "old-plan"})
    mesh.run(BEGIN + timedelta(minutes=10))
    mesh.publish("old-school", "attendance.summary", area=OLD)
    mesh.run(BEGIN + timedelta(hours=2, minutes=40))
    mesh.publish("police", "da.incident" if hidden else "household.changed", area=OLD)


def _arrival(mesh: Mesh, area: GssCode) -> None:
    """A health visitor of the new area knows of no danger and says openly where the child has come to."""
    mesh.publish(
        f"{NEW[area]}-health",
        "move.notified",
        area=area,
        details={"from_area": OLD, "to_area": area, "reason": "unknown"},
    )


def _flag(mesh: Mesh, area: GssCode) -> None:
    mesh.publish(
        NEW[area],
        "sensitivity.set",
        area=area,
        sensitivity="sensitive",
        details={"scope": ["address"], "lifted": None, "starts_at": mesh.now.isoformat()},
    )


def _accept(mesh: Mesh, area: GssCode) -> None:
    name = NEW[area]
    mesh[name].actions.accept(mesh[name].actions.handovers()[0].handover.hex(), _NEW_MANAGER)
    mesh.goes(name)
    mesh.publish(name, "plan.opened", area=area, details={"plan_ref": "new-plan"})


def _release(mesh: Mesh) -> None:
    mesh["old"].actions.release(mesh["old"].actions.handovers()[0].handover.hex(), _OLD_MANAGER)
    mesh.goes("old")


def moment(hours: float) -> datetime:
    """So many hours after the beginning."""
    return BEGIN + timedelta(hours=hours)


__all__ = ["CHILD", "DECIDES_H", "END", "MORE", "NEW", "Told", "moment", "play"]
