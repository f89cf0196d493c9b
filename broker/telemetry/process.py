"""The watch of one process, from its command line and environment; closed with it."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry

from broker.clock import system_clock, to_ms
from broker.store.overview import board_database, board_overview, gateway_overview, router_overview
from broker.telemetry import board, gateway, router
from broker.telemetry.registry import Gauge, disk_gauges, served

if TYPE_CHECKING:
    from broker.telemetry.tracing import Tracing

OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


@contextmanager
def watched_router(home: Path, database: Path, metrics_port: int | None) -> Iterator[router.RouterWatcher]:
    """Watch a router while the block runs. Raises ConfigurationError where the port is taken."""
    registry = CollectorRegistry()
    router.watch_state(
        registry, lambda: router_overview(database, to_ms(system_clock())), lambda: disk_gauges(home)
    )
    with _traced("handrail-router") as tracing, served(registry, metrics_port):
        yield router.RouterWatcher(registry, tracing)


@contextmanager
def watched_gateway(home: Path, metrics_port: int | None) -> Iterator[gateway.GatewayWatcher]:
    """Watch a gateway while the block runs; its home's name is the member's id. Raises ConfigurationError."""
    registry = CollectorRegistry()

    def more() -> Iterable[Gauge]:
        member = {"member": home.resolve().name}
        yield Gauge("handrail_gateway_info", "Whose gateway this is, by the member's opaque id", 1.0, member)
        yield from disk_gauges(home)

    gateway.watch_state(registry, lambda: gateway_overview(home / "gateway.db"), more)
    with _traced("handrail-gateway") as tracing, served(registry, metrics_port):
        yield gateway.GatewayWatcher(registry, tracing)


@contextmanager
def watched_board(home: Path, metrics_port: int | None) -> Iterator[board.BoardWatcher]:
    """Watch a board's node while the block runs. Raises ConfigurationError where the port is taken."""
    registry = CollectorRegistry()
    board.watch_state(registry, lambda: board_overview(board_database(home)), lambda: disk_gauges(home))
    with served(registry, metrics_port):
        yield board.BoardWatcher(registry)


@contextmanager
def _traced(service: str) -> Iterator["Tracing | None"]:
    if not os.environ.get(OTLP_ENDPOINT):
        yield None
        return
    # A quarter of a second and many libraries: only for those who ask for it.
    from broker.telemetry.tracing import Tracing

    tracing = Tracing(service, version("handrail"))
    try:
        yield tracing
    finally:
        tracing.close()
