"""What our gateway refused to share, and a person's second look at it: shared after all, or upheld with a reason."""

from dataclasses import dataclass
from typing import Any, Final

from adapters.gateway.errors import AuthorNotAskedError, NoSuchItemError
from adapters.gateway.frontdoor.actions import Person
from adapters.gateway.home import Home
from adapters.gateway.orders.answering import Orders
from adapters.gateway.orders.judgement import KEPT
from adapters.gateway.orders.reviews import REVIEWED
from adapters.gateway.sending.drafting import draft
from adapters.gateway.sending.publishing import Publishing
from broker.crypto.signing import unverified_payload
from broker.store.gateway.inbox import OrderRow
from broker.store.gateway.store import Work
from schemas.catalogue import parse_event
from schemas.control import Action, ActionKind
from schemas.hiding import HIDDEN, one_time_key_of
from schemas.ids import EventId
from schemas.orders import Order
from schemas.policy import GrantAnswer
from schemas.wire import InKind

_WHOLE: Final = "refused"
_IN_PART: Final = "granted in part"


@dataclass(frozen=True, slots=True)
class Refused:
    """One order that our gateway did not carry out, or not wholly."""

    order_id: bytes
    reader: str
    answer: str
    kept: tuple[tuple[EventId, str], ...]
    """What stayed here, each with its reason's code, as policy and marks stand now."""


class Reviewing:
    """One front door's second looks."""

    def __init__(self, home: Home, publishing: Publishing, orders: Orders) -> None:
        self._home = home
        self._publishing = publishing
        self._orders = orders

    def refused(self) -> list[Refused]:
        """What waits for a person here, oldest first."""
        with self._home.store.look() as work:
            return [self._refused(work, row) for row in self._open(work)]

    def share(self, order: str, by: Person, because: str, agreed: str | None = None) -> EventId:
        """Share after all what may be shared; ``agreed``: which author said yes, and how, for what is marked *ask me*.

        What was asked for under a one-time key goes to whoever holds that key, whom nobody here need know.

        Raises:
            NoSuchItemError: no such refusal waits here.
            AuthorNotAskedError: an author wants to be asked first, and nobody says that it was.
        """
        with self._home.store.look() as work:
            row = self._one(work, order)
            asked = Order.from_bytes(unverified_payload(row.body))
            answers = self._orders.answers(work, asked)
        marked = [
            EventId.from_raw(one) for one, answer in answers.items() if answer is GrantAnswer.ASK_AUTHOR
        ]
        shared = [EventId.from_raw(one) for one, answer in answers.items() if answer is not GrantAnswer.NO]
        if marked and agreed is None:
            raise AuthorNotAskedError(len(marked))
        details = {
            "events": shared,
            "agreed": [
                {"event": one, "who": agreed, "how": "said to the person who decided"} for one in marked
            ],
        }
        return self._publish(row, asked, "share", by, because, details)

    def uphold(self, order: str, by: Person, because: str) -> EventId:
        """What was refused stays here, with the reason. Raises NoSuchItemError."""
        with self._home.store.look() as work:
            row = self._one(work, order)
        return self._publish(row, Order.from_bytes(unverified_payload(row.body)), "uphold", by, because, {})

    def _publish(
        self, row: OrderRow, order: Order, decision: str, by: Person, because: str, more: dict[str, Any]
    ) -> EventId:
        area = self._home.me.areas[0]
        with self._home.store.look() as work:
            subject = self._orders.subject_of(work, order)
        details = {
            "order_ref": order.order_id.hex(),
            "reader": HIDDEN if one_time_key_of(order.reader) is not None else order.reader,
            "decision": decision,
            "because": because,
            "by": by.document(),
        } | more
        if order.handover is not None:
            details["handover_ref"] = order.handover.hex()
        event = parse_event(draft(self._home, REVIEWED, subject, area, details, residence=area))
        sent = self._publishing.publish(
            event, action=Action(ActionKind.REVIEW, handover=order.order_id, reason=decision)
        )
        # A crash before this line leaves it on the list; a second decision is refused by the router and says so.
        with self._home.store.work() as work:
            work.inbox.answered(row.order_id, f"reviewed: {decision}")
        return sent

    def _refused(self, work: Work, row: OrderRow) -> Refused:
        order = Order.from_bytes(unverified_payload(row.body))
        answers = self._orders.answers(work, order)
        kept = [
            (EventId.from_raw(event_id), KEPT[answer])
            for event_id, answer in answers.items()
            if row.answer != _IN_PART or answer is not GrantAnswer.YES
        ]
        return Refused(row.order_id, order.reader, str(row.answer), tuple(kept))

    def _open(self, work: Work) -> list[OrderRow]:
        rows = [work.inbox.order(row.message_id) for row in work.inbox.of_kind([int(InKind.ORDER)])]
        return [
            row
            for row in rows
            if row is not None
            and row.grantor == self._home.member_id
            and (str(row.answer).startswith(_WHOLE) or row.answer == _IN_PART)
        ]

    def _one(self, work: Work, beginning: str) -> OrderRow:
        found = [row for row in self._open(work) if row.order_id.hex().startswith(beginning.lower())]
        if len(found) != 1:
            raise NoSuchItemError(
                f"{len(found)} refused orders begin with {beginning!r}"
                if found
                else f"no refused order waits here that begins with {beginning!r}"
            )
        return found[0]
