"""What a gateway of another make could send, which ours does not let its people say."""

from adapters.gateway.frontdoor.actions import Actions, Person
from adapters.gateway.frontdoor.documents import between
from broker.clock import from_ms
from schemas.control import ActionKind
from schemas.ids import EventId


def accept_anyhow(actions: Actions, handover: str, by: Person, *, conference: bool = False) -> EventId:
    """Accept, whatever this gateway knows of the handover: only the router says no."""
    row, view = actions.ours(handover, "new")
    details = between(view) | {
        "by": by.document(),
        "effective_at": from_ms(view.changed_ms).isoformat(),
        "without_bundle": not view.verified,
    }
    return actions.act(
        "handover.accepted", row, view.to_area, details, ActionKind.ACCEPT, conference=conference
    )
