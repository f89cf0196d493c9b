"""A person's decision about what was refused, as read from the event that says it. Pure."""

from typing import Final

from adapters.gateway.orders.judgement import Review
from adapters.gateway.record.reading import Read
from schemas.events.releases import OrderReviewed

REVIEWED: Final = "order.reviewed"


def review_in(read: Read) -> Review | None:
    """A decision to share after all; None for any other event, and for one that upholds the refusal."""
    match read.event:
        case OrderReviewed(details=details) if details.decision == "share":
            return Review(
                reader=str(details.reader),
                handover=details.handover_ref,
                events=frozenset(event.raw for event in details.events),
                agreed=frozenset(one.event.raw for one in details.agreed),
            )
        case _:
            return None
