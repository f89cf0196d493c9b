"""A board's node as its operator may watch it: how far it follows AUDIT, and what it misses."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter
from prometheus_client import Gauge as Level

from broker.store.overview import BoardOverview
from broker.telemetry.registry import Asked, Gauge


class BoardWatcher:
    """Counts for one board's node."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._entries = Counter("handrail_board_entries", "Audit entries taken", registry=registry)
        self._lag = Level(
            "handrail_board_audit_lag_entries",
            "Entries on the bus that were not fetched at the last batch",
            registry=registry,
        )

    def kept(self, entries: int, lag: int) -> None:
        """Count."""
        self._entries.inc(entries)
        self._lag.set(lag)


def watch_state(
    registry: CollectorRegistry, look: Callable[[], BoardOverview], more: Callable[[], Iterable[Gauge]]
) -> None:
    """Show the node's state at each scrape."""

    def gauges() -> Iterable[Gauge]:
        seen = look()
        yield Gauge(
            "handrail_board_missing_entries", "Entries below the newest that never came", seen.missing
        )
        yield Gauge("handrail_board_unread_entries", "Messages on the trail that are no entry", seen.unread)
        yield from more()

    registry.register(Asked(gauges))
