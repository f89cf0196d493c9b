"""What marks a child as in danger from domestic abuse, so that where it goes is withheld until a person says otherwise.

Decided by the author's gateway, which reads the event; the router learns that there is a marker, never which.
"""

from typing import Final

from schemas.codes.cases import MoveReason
from schemas.codes.sharing import Sensitivity
from schemas.control import Action, ActionKind
from schemas.events.base import Event
from schemas.events.identity import SensitivitySetDetails
from schemas.events.moves import MoveNotifiedDetails
from schemas.events.plans import AssessmentCompletedDetails
from schemas.members import Member

_ALWAYS: Final = frozenset({"da.incident", "marac.listed", "marac.transferred", "move.destination_withheld"})
_HIDES: Final = frozenset({"address", "identity"})
_DOMESTIC_ABUSE: Final = frozenset({"3A", "3B", "3C"})
"""Assessment factors of domestic abuse: of the child, the parent, another in the household [LIIA]."""


def marks(event: Event) -> bool:
    """Whether an event is a marker [PDS-META][MARAC][DASH]: an incident, MARAC, a flag, a flight to safety."""
    details = event.details
    if event.type in _ALWAYS:
        return True
    if isinstance(details, SensitivitySetDetails):
        return not details.lifted and bool(_HIDES.intersection(details.scope))
    if isinstance(details, MoveNotifiedDetails):
        return details.reason is MoveReason.SAFETY or event.sensitivity is Sensitivity.SENSITIVE
    if isinstance(details, AssessmentCompletedDetails):
        return bool(_DOMESTIC_ABUSE.intersection(one.factor.value for one in details.factors))
    return False


def action_of(event: Event, author: Member) -> Action | None:
    """What a marker, or a front door's lifting of one, asks the router to do; None for every other event."""
    if event.type == "missing.sighted":
        return Action(ActionKind.SIGHTED)
    if marks(event):
        return Action(ActionKind.PROTECT)
    details = event.details
    lifts = isinstance(details, SensitivitySetDetails) and details.lifted
    return Action(ActionKind.UNPROTECT) if lifts and author.front_door else None
