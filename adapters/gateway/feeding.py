"""From a message of another system to published events, with the account of what was not mapped. One way in for all."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.formats.nems import map_message
from adapters.formats.outcome import Reason, Refused, Report
from adapters.gateway.api import Gateway
from adapters.gateway.record.places import Places
from broker.errors import RejectedError
from schemas.errors import EventRefusedError, MalformedIdentifierError
from schemas.ids import EventId, GssCode, Postcode

if TYPE_CHECKING:
    from adapters.gateway.sending.publishing import Ready

_MOST_SHOWN: Final = 3


class MessageRefusedError(RejectedError):
    """The message could not be understood, or must not be believed: nothing of it was published."""

    code = "message-refused"
    advice = "`handrail map nems FILE` shows every reason with its place; mend the message and send it again."

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        shown = "; ".join(str(reason) for reason in reasons[:_MOST_SHOWN])
        more = len(reasons) - _MOST_SHOWN
        super().__init__(shown + (f"; and {more} more" if more > 0 else ""))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Published:
    """One event of the message that is on its way."""

    event_id: EventId
    type: str


@dataclass(frozen=True, slots=True)
class NotPublished:
    """One event of the message that this member could not publish; the others went."""

    type: str
    error: RejectedError | EventRefusedError


@dataclass(frozen=True, slots=True)
class Fed:
    """What became of one message. ``report`` accounts for every value in it, mapped or not."""

    published: tuple[Published, ...]
    not_published: tuple[NotPublished, ...]
    report: Report

    @property
    def event_ids(self) -> tuple[EventId, ...]:
        """The events that are on their way, in the message's order."""
        return tuple(one.event_id for one in self.published)


def feed_nems(gateway: Gateway, data: bytes, *, acting_area: GssCode | None = None) -> Fed:
    """Map one NHS NEMS message and publish all that it says. Durable on return; the same message again is sent once.

    ``acting_area`` is the area for which this member received it; by default the first that it serves.

    Raises:
        MessageRefusedError: the message as a whole; nothing was published.
        UnavailableError: the disk took no write; feed the same message again, nothing goes out twice.
    """
    home = gateway.home
    found = map_message(
        data,
        received_at=home.clock(),
        areas=_AreasOf(gateway.places),
        acting_area=acting_area or home.me.areas[0],
    )
    if isinstance(found, Refused):
        raise MessageRefusedError(found.reasons)
    ready: list[Ready] = []
    failed: list[NotPublished] = []
    for event in found.events:
        try:
            ready.append(gateway.publishing.ready(event))
        except (RejectedError, EventRefusedError) as error:
            failed.append(NotPublished(event.type, error))
    # Together: after a crash the message is there wholly or not at all.
    gateway.publishing.queue(ready)
    published = tuple(Published(one.event.id, one.event.type) for one in ready)
    return Fed(published, tuple(failed), found.report)


@dataclass(frozen=True, slots=True)
class _Placed:
    gss: GssCode | None
    code: str = "placed"


class _AreasOf:
    """The gateway's own look-up of places, as a mapping asks for it: both must place a postcode alike."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def lookup(self, text: str) -> _Placed:
        try:
            return _Placed(self._places.authority(Postcode(text)))
        except MalformedIdentifierError:
            return _Placed(None)
