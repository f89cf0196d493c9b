"""A handover's history as it came, item by item: what is here, what is missing, what was refused, and why."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from adapters.gateway.home import Home
from adapters.gateway.orders.answering import Orders
from broker.store.gateway.handovers import HandoverRow
from broker.store.gateway.store import Work
from schemas.orders import OrderKind
from schemas.wire import InKind


class Fate(StrEnum):
    """What became of one item."""

    HERE = "here"
    MISSING = "missing"
    """Ordered, and nothing of it has come."""
    REFUSED = "refused"
    """Came, and is not what was ordered: altered, of another order, or sealed by somebody else."""
    FOREIGN = "foreign"
    """Came, and nobody ordered it."""


@dataclass(frozen=True, slots=True)
class Came:
    """One delivery of a granted event; ``fault`` is why it was refused."""

    number: int
    event: bytes
    fault: str | None


@dataclass(frozen=True, slots=True)
class BundleItem:
    """One event of a history. ``deliveries`` more than one: it came again, and is kept once."""

    event: bytes
    fate: Fate
    faults: tuple[str, ...]
    deliveries: tuple[int, ...]
    refused: int = 0
    """How often our gateway has told its sender so."""


def items_of(expected: Iterable[bytes], here: Collection[bytes], came: Iterable[Came]) -> list[BundleItem]:
    """Every item that was ordered, in that order, then whatever came and was not."""
    ordered = list(dict.fromkeys(expected))
    by_event: dict[bytes, list[Came]] = {}
    for one in came:
        by_event.setdefault(one.event, []).append(one)

    def item(event: bytes, fate: Fate) -> BundleItem:
        deliveries = by_event.get(event, [])
        faults = tuple(dict.fromkeys(one.fault for one in deliveries if one.fault))
        return BundleItem(event, fate, faults, tuple(one.number for one in deliveries))

    def fate(event: bytes) -> Fate:
        if event in here:
            return Fate.HERE
        return Fate.REFUSED if any(one.fault for one in by_event.get(event, [])) else Fate.MISSING

    wanted = set(ordered)
    strange = [
        event for event, some in by_event.items() if event not in wanted and any(one.fault for one in some)
    ]
    return [
        *(item(event, fate(event)) for event in ordered),
        *(item(event, Fate.FOREIGN) for event in strange),
    ]


class Bundles:
    """Looks at one home."""

    def __init__(self, home: Home, orders: Orders) -> None:
        self._home = home
        self._orders = orders

    def of(self, row: HandoverRow) -> list[BundleItem]:
        """The items of a handover's history that were ordered for us, and what came beside them about that child."""
        with self._home.store.look() as work:
            expected = [event for order in self._ordered(work, row) for event in order]
            here = {event for event in expected if work.inbox.holds(event)}
            about = [] if row.child is None else work.inbox.came_about(row.child, int(InKind.GRANTED))
            came = [Came(*one) for one in about]
            strange = {one.event for one in came if one.fault} - set(expected)
            # What was ordered for something else than this handover is not foreign.
            beside = work.inbox.orders_beside(row.handover) if strange else []
            others = {
                event for order in beside for event in self._orders.taking.events_of(work, order)
            } & strange
            times = {
                event: one.times
                for order in work.inbox.orders_for(row.handover)
                for event, one in work.faulty.of(order.order_id).items()
            }
        items = items_of(expected, here, [one for one in came if one.event not in others])
        return [replace(item, refused=times.get(item.event, 0)) for item in items]

    def _ordered(self, work: Work, row: HandoverRow) -> list[list[bytes]]:
        me, kind = self._home.member_id, int(OrderKind.HANDOVER)
        return [
            self._orders.taking.events_of(work, order.order_id)
            for order in work.inbox.orders_for(row.handover)
            if order.kind == kind and order.grantor != me and order.answer is None
        ]
