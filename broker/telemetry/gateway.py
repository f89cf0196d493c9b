"""A gateway as its own operator may watch it: ids, counts and times. What an event says is never here."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client import Gauge as Level

from broker.store.overview import GatewayOverview
from broker.telemetry.ids import event_text
from broker.telemetry.registry import MESSAGES, SECONDS, Asked, Gauge, age_of
from broker.telemetry.watching import Ref
from schemas.wire import InKind

if TYPE_CHECKING:
    # Loaded only where traces are asked for.
    from broker.telemetry.tracing import Tracing

_log = structlog.get_logger()

_OF_EVENTS: Final = (InKind.VIEW, InKind.GRANTED)
_OTHERS: Final = {InKind.ORDER: "order_ids", InKind.HANDOVER: "handover_ids"}


class GatewayWatcher:
    """Logs, counts and traces one gateway."""

    def __init__(self, registry: CollectorRegistry, tracing: "Tracing | None") -> None:
        self._tracing = tracing
        self._sent = Counter("handrail_gateway_sent", "Messages put on the bus", ["what"], registry=registry)
        self._send_time = Histogram(
            "handrail_gateway_send_seconds",
            "Time until the bus had a message on disk",
            buckets=SECONDS,
            registry=registry,
        )
        self._received = Counter(
            "handrail_gateway_received", "Deliveries taken into custody and ledger", registry=registry
        )
        self._batch_size = Histogram(
            "handrail_gateway_batch_messages",
            "Deliveries taken together",
            buckets=MESSAGES,
            registry=registry,
        )
        self._receive_time = Histogram(
            "handrail_gateway_receive_seconds",
            "Time until a batch was on disk and applied",
            buckets=SECONDS,
            registry=registry,
        )
        self._pending = Level(
            "handrail_gateway_pending_messages",
            "Deliveries on the bus that were not fetched at the last batch",
            registry=registry,
        )
        self._gaps = Counter(
            "handrail_gateway_gaps", "Deliveries that were asked for again", registry=registry
        )
        self._alarms = Counter(
            "handrail_gateway_alarms", "Alarms that were new at a look", ["code"], registry=registry
        )
        self._standing = Level(
            "handrail_gateway_standing_alarms",
            "Alarms that stood when the gateway last looked",
            registry=registry,
        )
        self._waits = Counter(
            "handrail_gateway_waits", "Times that the bus or the disk was away", ["what"], registry=registry
        )

    def sent(self, event_id: bytes | None, msg_id: str, started_ns: int) -> None:
        """Count, name and trace one message; what is no event is counted only."""
        now_ns = time.time_ns()
        self._sent.labels("control" if event_id is None else "event").inc()
        self._send_time.observe((now_ns - started_ns) / 1e9)
        if event_id is None:
            # Its name on the bus holds the id of the order that it answers.
            _log.debug("sent", msg_id=msg_id) if ".receipts." in msg_id else _log.info("sent", msg_id=msg_id)
            return
        _log.info("sent", event_id=event_text(event_id), msg_id=msg_id)
        if self._tracing is not None:
            self._tracing.events("send", [event_id], started_ns, now_ns)

    def received(self, taken: Sequence[Ref], messages: int, pending: int, started_ns: int) -> None:
        """Count a batch, name its events, orders and handovers in one line, trace the events."""
        now_ns = time.time_ns()
        self._received.inc(messages)
        self._batch_size.observe(messages)
        self._receive_time.observe((now_ns - started_ns) / 1e9)
        self._pending.set(pending)
        event_ids = [id_ for kind, id_ in taken if kind in _OF_EVENTS]
        ids = {"event_ids": [event_text(event_id) for event_id in event_ids]}
        for kind, name in _OTHERS.items():
            ids[name] = [id_.hex() for what, id_ in taken if what is kind]
        if found := {name: listed for name, listed in ids.items() if listed}:
            _log.info("received", **found)
        if self._tracing is not None:
            self._tracing.events("receive", event_ids, started_ns, now_ns)

    def gaps(self, missing: int) -> None:
        """Count."""
        self._gaps.inc(missing)

    def alarms(self, fresh: Mapping[str, int], standing: int) -> None:
        """Count the new ones, show how many stand."""
        for code, count in fresh.items():
            self._alarms.labels(code).inc(count)
        self._standing.set(standing)

    def waits(self, what: str) -> None:
        """Count a wait."""
        self._waits.labels(what).inc()


def watch_state(
    registry: CollectorRegistry, look: Callable[[], GatewayOverview], more: Callable[[], Iterable[Gauge]]
) -> None:
    """Show the gateway's state at each scrape."""

    def gauges() -> Iterable[Gauge]:
        seen = look()
        if seen.outbox is not None:
            yield Gauge(
                "handrail_gateway_outbox_messages", "Messages that the bus does not have", seen.outbox.count
            )
            oldest = "How long the first of them has waited"
            yield Gauge("handrail_gateway_outbox_oldest_seconds", oldest, age_of(seen.outbox.first_ms))
        yield Gauge("handrail_gateway_returned_events", "Own events that the router returned", seen.returned)
        yield Gauge(
            "handrail_gateway_unusable_deliveries", "Deliveries that could not be used", seen.not_applied
        )
        yield Gauge("handrail_gateway_held_deliveries", "Deliveries that wait for an earlier one", seen.held)
        yield Gauge("handrail_gateway_missing_deliveries", "Delivery numbers that never came", seen.missing)
        yield from more()

    registry.register(Asked(gauges))
