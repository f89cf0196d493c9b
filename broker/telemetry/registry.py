"""Metrics of one process, served to Prometheus on the loopback interface only, and only where somebody asks for it."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from broker.errors import ConfigurationError

_log = structlog.get_logger()

LOOPBACK: Final = "127.0.0.1"
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MESSAGES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A gauge that is looked up when it is asked for. ``value`` None: not measured, and then not shown."""

    name: str
    documentation: str
    value: float | None
    labels: dict[str, str] = field(default_factory=dict)


class Asked(Collector):
    """Gauges looked up at each scrape, in the scraper's thread: nothing of it runs where messages do."""

    def __init__(self, look: Callable[[], Iterable[Gauge]]) -> None:
        self._look = look

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Everything that could be measured now."""
        families: dict[str, GaugeMetricFamily] = {}
        for gauge in self._look():
            if gauge.value is None:
                continue
            if gauge.name not in families:
                families[gauge.name] = GaugeMetricFamily(
                    gauge.name, gauge.documentation, labels=list(gauge.labels)
                )
            families[gauge.name].add_metric(list(gauge.labels.values()), gauge.value)
        yield from families.values()


def disk_gauges(folder: Path) -> Iterator[Gauge]:
    """Room on the disk that a folder lies on."""
    usage = shutil.disk_usage(folder)
    yield Gauge("handrail_disk_free_bytes", "Room left on the disk of the data folder", usage.free)
    yield Gauge("handrail_disk_size_bytes", "Size of the disk of the data folder", usage.total)


def age_of(first_ms: int | None) -> float:
    """Seconds since a moment; 0 where there is none."""
    return 0.0 if first_ms is None else max(0.0, time.time() - first_ms / 1000)


@contextmanager
def served(registry: CollectorRegistry, port: int | None) -> Iterator[int | None]:
    """Serve a registry while the block runs; gives the port. ``None`` serves nothing, 0 takes any free port.

    Raises:
        ConfigurationError: the port is taken.
    """
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, addr=LOOPBACK, registry=registry)
    except OSError as error:
        raise ConfigurationError(
            f"metrics port {port} on {LOOPBACK} cannot be had: {error.strerror}"
        ) from error
    _log.info("metrics", url=f"http://{LOOPBACK}:{server.server_port}/metrics")
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
