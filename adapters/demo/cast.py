"""Who plays: two areas with their front doors, a health provider, a school, a police force and a board."""

from dataclasses import dataclass

from schemas.ids import GssCode, NhsNumber, Upn


@dataclass(frozen=True, slots=True)
class Role:
    """One member to be: what ``handrail directory add-member`` needs to know."""

    key: str
    kind: str
    name: str
    areas: tuple[GssCode, ...]
    front_door: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    """The child of the story. Fictitious, unless a message of somebody else's is played."""

    nhs_number: NhsNumber
    upn: Upn
    given_name: str
    family_name: str
    date_of_birth: str

    @property
    def canaries(self) -> tuple[str, ...]:
        """Words that must not be found anywhere between two gateways."""
        return (self.nhs_number, self.upn, self.given_name, self.family_name)


@dataclass(frozen=True, slots=True)
class Place:
    """One end of the move."""

    gss: GssCode
    name: str


def cast(old: Place, new: Place) -> tuple[Role, ...]:
    """All members of the story, in the order in which they join."""
    both = (old.gss, new.gss)
    return (
        Role("old", "social_care", f"{old.name} children's social care", (old.gss,), front_door=True),
        Role("new", "social_care", f"{new.name} children's social care", (new.gss,), front_door=True),
        Role("health", "health_provider", "Example community health trust", both),
        Role("school", "school", "Example primary school", (old.gss,)),
        Role("police", "police", "Example constabulary", both),
        Role("board", "board", "Example safeguarding children partnership", both),
    )
