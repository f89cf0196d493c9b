"""What marks a child as in danger from domestic abuse, so that where it goes is withheld until a person says otherwise.

Decided by the author's gateway, which reads the event; the router learns that there is a marker, never which. Of a
child without an open matter the router remembers nothing (P12): every gateway that has the marker does, and says so
with the first matter that it opens itself.
"""

from collections.abc import Collection
from typing import Final

from broker.store.gateway.store import Work
from schemas.codes.cases import MoveReason
from schemas.codes.sharing import Sensitivity
from schemas.control import Action, ActionKind
from schemas.events.base import Event
from schemas.events.identity import SensitivitySetDetails
from schemas.events.moves import MoveNotifiedDetails
from schemas.events.plans import AssessmentCompletedDetails
from schemas.members import Member
from schemas.wire import Token

_ALWAYS: Final = frozenset({"da.incident", "marac.listed", "marac.transferred", "move.destination_withheld"})
MAY_MARK: Final = _ALWAYS | {"sensitivity.set", "move.notified", "assessment.completed"}
"""The types among which markers are."""
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
    return Action(ActionKind.UNPROTECT) if lifts(event, author) else None


def lifts(event: Event, author: Member) -> bool:
    """Whether a front door's person says that the child need not be hidden any more."""
    details = event.details
    lifted = isinstance(details, SensitivitySetDetails) and bool(details.lifted) and details.towards is None
    return lifted and author.front_door


def remember(work: Work, event: Event, tokens: Collection[Token], at_ms: int) -> None:
    """Keep whom a marker was about, be it one's own or one that came."""
    if marks(event):
        work.marked.keep([token.value for token in tokens], at_ms)


def remembered(work: Work, tokens: Collection[Token]) -> Action | None:
    """What the event that opens a matter asks of the router where an earlier marker was about the same child."""
    marked = work.marked.any_of([token.value for token in tokens])
    return Action(ActionKind.PROTECT) if marked else None
