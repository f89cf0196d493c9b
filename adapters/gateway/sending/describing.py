"""What a board may know of an event: its slip, made from what the event says of itself. Pure; sealing is elsewhere."""

from collections.abc import Iterable

from broker.clock import to_ms
from schemas.bands import Bands
from schemas.codes.cin import ClosureReason
from schemas.codes.sharing import Told, ToldPerson
from schemas.events.base import Event
from schemas.events.base import Informed as Said
from schemas.slip import BoardSlip, Heard, Informed, Whom

_WHOM = {
    ToldPerson.CHILD: Whom.CHILD,
    ToldPerson.PARENT: Whom.PARENT,
    ToldPerson.OTHER_ADULT: Whom.OTHER_ADULT,
}


def slip_of(event: Event, bands: Bands | None = None) -> BoardSlip:
    """The slip of an event that has its purpose and basis; ``bands`` where boards may hold any."""
    return BoardSlip(
        event_type=event.type,
        purpose=str(event.purpose),
        basis=str(event.basis),
        occurred_ms=to_ms(event.occurred_at),
        recorded_ms=to_ms(event.recorded_at),
        case_ref=event.subject.case_ref,
        code=_closure(event),
        informed=informed(event.informed),
        bands=bands,
    )


def informed(said: Iterable[Said]) -> Informed:
    """Who was told and who objected, by role: no name, no reason, no words, and not how many parents there are."""
    found: dict[Whom, Heard] = {}
    for one in said:
        whom = _WHOM[one.person]
        heard = Heard.TOLD if one.told is Told.YES else Heard.NOT_TOLD
        if one.objection is not None:
            heard = Heard.OBJECTED
        found[whom] = max(heard, found.get(whom, heard))
    return tuple(sorted(found.items()))


def _closure(event: Event) -> str | None:
    """Why the event closes a case, by the census's code."""
    given = (getattr(event.details, name, None) for name in ("closure_reason", "reason"))
    return next((one.value for one in given if isinstance(one, ClosureReason)), None)
