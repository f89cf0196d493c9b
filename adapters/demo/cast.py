"""Who plays: two areas with their front doors, a health provider, a school, a police force and a board; and the child."""

from dataclasses import dataclass
from typing import Final

from schemas.areas import AreaRegister
from schemas.events.base import Event
from schemas.ids import GssCode, NhsNumber, Upn
from schemas.policy import kept_to_front_doors

CUMBERLAND: Final = GssCode("E06000063")
WESTMORLAND_AND_FURNESS: Final = GssCode("E06000064")
COUNTY_DURHAM: Final = GssCode("E06000047")
NORTHUMBERLAND: Final = GssCode("E06000057")
LEEDS: Final = GssCode("E08000035")
PUPIL_NUMBER: Final = Upn("E909999923001")
"""Fictitious, as every pupil number of the story is."""


@dataclass(frozen=True, slots=True)
class Role:
    """One member to be: what ``handrail directory add-member`` needs to know."""

    key: str
    kind: str
    name: str
    short: str
    """For tables."""
    areas: tuple[GssCode, ...]
    front_door: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """The child of the story. Fictitious, unless a message of somebody else's is played."""

    nhs_number: NhsNumber
    upn: Upn
    given_name: str | None
    family_name: str | None
    date_of_birth: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """One end of the move: the area whose front door answers."""

    gss: GssCode
    name: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What a message makes of the story: whose it is, where from and where to, and whether there is a move at all."""

    child: Child
    old: Place
    new: Place
    moves: bool
    """The child is reported in another area, openly: a handover must open and both sides must see it."""
    hidden: bool
    """The child is reported in another area that the old one must not learn: only the new one may be told."""
    refuge: Place
    """A third area, to which a family flees in the second act."""
    secrets: tuple[str, ...]
    """Words of the message that nobody between two gateways may ever see."""

    @property
    def reader(self) -> str:
        """The role in whose area the child is: who opens the message."""
        return "new" if self.moves or self.hidden else "old"


class NoPlotError(ValueError):
    """The message was understood, but no story can be played with it; says why."""


def plot_of(events: tuple[Event, ...], register: AreaRegister) -> Plot:
    """The story that goes with a message.

    Raises:
        NoPlotError: it makes no event, or names nobody by an NHS number.
    """
    event = next((event for event in events if event.subject.nhs_number), None)
    if event is None or event.subject.nhs_number is None:
        raise NoPlotError(
            "it makes no event about a child with a valid NHS number. `handrail map nems FILE` shows what it makes."
        )
    movement = event.movement
    to_area = movement.to_area if movement is not None else None
    from_area = movement.from_area if movement is not None else None
    if from_area is None and movement is None and event.residence is not None:
        from_area = event.residence.gss
    new = _place(to_area, register)
    old = _place(from_area, register) or _other_than(new, register)
    subject = event.subject
    elsewhere = new is not None and new != old
    return Plot(
        child=Child(
            subject.nhs_number or event.subject.nhs_number,
            PUPIL_NUMBER,
            subject.given_name,
            subject.family_name,
            subject.date_of_birth.isoformat() if subject.date_of_birth else None,
        ),
        old=old,
        new=new if new is not None and new != old else _other_than(old, register),
        moves=elsewhere and not kept_to_front_doors(event),
        hidden=elsewhere and kept_to_front_doors(event),
        refuge=_neither(old, new, register),
        secrets=_secrets(event),
    )


def cast(plot: Plot) -> tuple[Role, ...]:
    """All members of the story, in the order in which they join."""
    old, new = plot.old, plot.new
    both = (old.gss, new.gss)
    return (
        Role(
            "old", "social_care", f"{old.name} children's social care", old.name, (old.gss,), front_door=True
        ),
        Role(
            "new", "social_care", f"{new.name} children's social care", new.name, (new.gss,), front_door=True
        ),
        Role("health", "health_provider", "Example community health trust", "health trust", both),
        Role("school", "school", "Example primary school", "school", (old.gss,)),
        Role("police", "police", "Example constabulary", "police", both),
        Role("board", "board", "Example safeguarding partnership", "board", both),
        Role(
            "refuge",
            "social_care",
            f"{plot.refuge.name} children's social care",
            plot.refuge.name,
            (plot.refuge.gss,),
            front_door=True,
        ),
        Role(
            "idva",
            "idva",
            "Example domestic abuse advisers",
            "advisers",
            (_far_from(old.gss, new.gss, plot.refuge.gss),),
        ),
    )


def _far_from(*taken: GssCode) -> GssCode:
    """Who endorses one-time keys serves none of the areas of the story."""
    return next(gss for gss in (LEEDS, COUNTY_DURHAM, NORTHUMBERLAND, CUMBERLAND) if gss not in taken)


def _place(gss: GssCode | None, register: AreaRegister) -> Place | None:
    """The answering area in England, or None: not known, or another country's law applies."""
    if gss is None or not register.known(gss):
        return None
    answering = register.childrens_services(gss)
    area = register.area(answering)
    return None if area is None else Place(answering, area.name)


def _other_than(place: Place | None, register: AreaRegister) -> Place:
    gss = CUMBERLAND if place is None or place.gss != CUMBERLAND else WESTMORLAND_AND_FURNESS
    area = register.area(gss)
    return Place(gss, area.name if area is not None else gss)


def _neither(old: Place, new: Place | None, register: AreaRegister) -> Place:
    taken = {old.gss, None if new is None else new.gss}
    gss = next(one for one in (COUNTY_DURHAM, NORTHUMBERLAND, LEEDS) if one not in taken)
    area = register.area(gss)
    return Place(gss, area.name if area is not None else gss)


def _secrets(event: Event) -> tuple[str, ...]:
    """Long enough not to turn up in random bytes by chance."""
    words = [event.subject.nhs_number, event.subject.family_name, PUPIL_NUMBER]
    if event.residence is not None:
        words += [event.residence.postcode, *event.residence.address]
    return tuple(dict.fromkeys(str(word) for word in words if word and len(str(word)) >= 6))  # noqa: PLR2004
