"""The router as others may watch it. Everything is derived from counts and from audit entries, which are for reading."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client import Gauge as Level

from broker.store.overview import RouterOverview
from broker.telemetry.ids import event_text
from broker.telemetry.registry import MESSAGES, SECONDS, Asked, Gauge, age_of
from broker.telemetry.watching import Said
from schemas.audit import EntryKind
from schemas.wire import ReceiptKind

if TYPE_CHECKING:
    # Loaded only where traces are asked for.
    from broker.telemetry.tracing import Tracing

_log = structlog.get_logger()

_EVENTS: Final = ("event", "evidence")
_IDS: Final = ("order", "handover", "about")
_WORDS: Final = ("code", "step", "order_kind", "number", "count", "lane", "after", "at", "lost")
_ACTORS: Final = ("member", "author", "reader", "grantor", "owner")
_QUIET: Final = frozenset({EntryKind.TAKEN, EntryKind.RECEIPT, EntryKind.CHILD_TOKEN, EntryKind.SLIP_KEY})
"""Entries without a line of their own: events are named together, receipts are counted, tokens are not for logs."""


class RouterWatcher:
    """Logs, counts and traces one router."""

    def __init__(self, registry: CollectorRegistry, tracing: "Tracing | None") -> None:
        self._tracing = tracing
        self._messages = Counter(
            "handrail_router_messages", "Messages by what became of them", ["outcome"], registry=registry
        )
        self._refused = Counter(
            "handrail_router_refused", "Refused messages by reason", ["code"], registry=registry
        )
        self._entries = Counter(
            "handrail_router_audit_entries", "Audit entries by kind", ["kind"], registry=registry
        )
        self._receipts = Counter(
            "handrail_router_receipts", "Receipts by what they say", ["kind"], registry=registry
        )
        self._gaps = Counter(
            "handrail_router_chain_gaps", "Authors' chains that went on after a hole", registry=registry
        )
        self._batch_size = Histogram(
            "handrail_router_batch_messages", "Messages taken together", buckets=MESSAGES, registry=registry
        )
        self._batch_time = Histogram(
            "handrail_router_batch_seconds",
            "Time to judge a batch and to have it on disk",
            buckets=SECONDS,
            registry=registry,
        )
        self._pending = Level(
            "handrail_router_pending_messages",
            "Members' messages on the bus that the router had not fetched at the last batch",
            ["lane"],
            registry=registry,
        )
        self._published = Counter(
            "handrail_router_published",
            "Deliveries and audit entries put on the bus",
            ["what"],
            registry=registry,
        )
        self._publish_time = Histogram(
            "handrail_router_publish_seconds",
            "Time until the bus had a batch on disk",
            ["what"],
            buckets=SECONDS,
            registry=registry,
        )
        self._waits = Counter(
            "handrail_router_waits", "Times that the bus or the disk was away", ["what"], registry=registry
        )

    def batch(
        self, lane: str, pending: int, outcomes: Mapping[str, int], said: Sequence[Said], started_ns: int
    ) -> None:
        """Count a batch, name its events in one line, and trace them."""
        now_ns = time.time_ns()
        for outcome, count in outcomes.items():
            self._messages.labels(outcome).inc(count)
        self._batch_size.observe(sum(outcomes.values()))
        self._batch_time.observe((now_ns - started_ns) / 1e9)
        self._pending.labels(lane).set(pending)
        self.said(said)
        if self._tracing is not None:
            taken = [fields["event"] for kind, fields in said if kind is EntryKind.TAKEN]
            self._tracing.events("route", taken, started_ns, now_ns)

    def said(self, entries: Sequence[Said]) -> None:
        """Count entries by kind; one line for the events together, one for each thing that is rare."""
        taken = [event_text(fields["event"]) for kind, fields in entries if kind is EntryKind.TAKEN]
        if taken:
            _log.info("taken", event_ids=taken)
        for kind, fields in entries:
            self._entries.labels(kind.value).inc()
            match kind:
                case EntryKind.RECEIPT:
                    self._receipts.labels(ReceiptKind(fields["receipt"]).name.lower()).inc()
                case EntryKind.REFUSED:
                    self._refused.labels(fields["code"]).inc()
                case EntryKind.FLOOD:
                    self._refused.labels("flood").inc(fields["count"])
                case EntryKind.CHAIN_GAP:
                    self._gaps.inc()
            if kind not in _QUIET:
                _log.info(kind.value, **_line(fields))

    def published(self, what: str, count: int, seconds: float) -> None:
        """Count what is on the bus now."""
        self._published.labels(what).inc(count)
        self._publish_time.labels(what).observe(seconds)

    def waits(self, what: str) -> None:
        """Count a wait."""
        self._waits.labels(what).inc()


def _line(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Of an entry's fields those that a log may hold: ids of what is under way, reasons, and members."""
    ids = {
        f"{name}_id": event_text(fields[name]) if name in _EVENTS else fields[name].hex()
        for name in (*_EVENTS, *_IDS)
        if isinstance(fields.get(name), bytes)
    }
    return ids | {
        name: fields[name] for name in (*_WORDS, *_ACTORS) if isinstance(fields.get(name), (str, int))
    }


def watch_state(
    registry: CollectorRegistry, look: Callable[[], RouterOverview], more: Callable[[], Iterable[Gauge]]
) -> None:
    """Show the router's state at each scrape."""

    def gauges() -> Iterable[Gauge]:
        seen = look()
        waiting = "What the router has decided to say and the bus does not have"
        yield Gauge("handrail_router_waiting", waiting, seen.inbox_waiting, {"what": "inbox"})
        yield Gauge("handrail_router_waiting", waiting, seen.audit_waiting, {"what": "audit"})
        for name, what, held in (
            ("quarantined_messages", "refused messages that wait for a second try", seen.quarantine),
            ("deadlines_overdue", "deadlines that have passed unmet", seen.overdue),
            ("orders_open", "orders that wait for a front door", seen.orders),
        ):
            yield Gauge(f"handrail_router_{name}", f"Number of {what}", None if held is None else held.count)
        if seen.quarantine is not None:
            oldest = "Age of the oldest message in quarantine"
            yield Gauge("handrail_router_quarantine_oldest_seconds", oldest, age_of(seen.quarantine.first_ms))
        if seen.overdue is not None:
            worst = "How late the worst deadline is"
            yield Gauge("handrail_router_deadlines_worst_seconds", worst, age_of(seen.overdue.first_ms))
        yield from more()

    registry.register(Asked(gauges))
