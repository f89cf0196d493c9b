"""One whole run of real processes, watched from outside: what their logs, metrics and traces tell, and never tell."""

import asyncio
import base64
import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from adapters.gateway.frontdoor.actions import Person
from broker.bus.publisher import Outgoing, Publisher
from schemas.ids import EventId
from tests.support.events import CHILD, CUMBERLAND, MOTHER, PUPIL, SIBLING, WESTMORLAND, a_document
from tests.support.exchange import Exchange, exchange, settled
from tests.support.processes import Running, program

WORKER = Person("Rowan Example", "social worker")
CANARIES = (
    CHILD,
    SIBLING,
    MOTHER,
    PUPIL,
    "CA3 8NA",
    "Rowan",
    "Because of what was seen",
    "Quince",
    "1 Canary Row",
)
TYPES = ("concern.raised", "move.notified", "appointment.missed", "concern_raised")
METRICS = re.compile(r'"url": "(http://127\.0\.0\.1:\d+/metrics)"')


@dataclass(frozen=True, slots=True)
class Run:
    """What was to be seen from outside."""

    logs: dict[str, str]
    metrics: dict[str, dict[tuple[str, str], float]]
    raw_metrics: str
    requests: list[ExportTraceServiceRequest]
    raw_traces: bytes
    secrets: tuple[str, ...]
    concern: EventId
    move: EventId
    routine: EventId
    handover: str


class _Collector(BaseHTTPRequestHandler):
    """An OTLP/HTTP receiver."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one export."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the library's name
        """Quiet."""


@contextmanager
def _collector() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Collector)
    server.bodies = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _secrets(it: Exchange) -> tuple[str, ...]:
    """Every private key and secret of the run, as it might be written."""
    found = []
    for path in [
        *it.layout.data.rglob("keys/*"),
        *it.layout.data.rglob("user.seed"),
        *it.layout.data.rglob("shared/*"),
    ]:
        if path.is_file():
            raw = path.read_bytes().strip()
            found += [raw.hex()[:48], base64.b64encode(raw).decode()[:40], raw.decode("latin-1")[:40]]
    return tuple(found)


def _scrape(running: Running) -> tuple[dict[tuple[str, str], float], str]:
    url = METRICS.search(running.log)
    assert url is not None, running.log
    with urllib.request.urlopen(url[1], timeout=10) as answer:  # noqa: S310  our own
        text = answer.read().decode()
    values = {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return values, text


async def _story(it: Exchange) -> dict[str, Any]:
    """A concern, a move with its whole handover, a routine event, and something that is refused."""
    home = {"gss": CUMBERLAND, "address": ["1 Canary Row"], "postcode": "CA3 8NA"}
    with it.open("health") as health, it.open("cumberland") as old, it.open("westmorland") as new:
        concern = health.publish(a_document("concern.raised", n=1, residence=home))
        await settled(lambda: len(old.inbox()) == 1, within=40)
        move = health.publish(a_document("move.notified", n=2, residence={"gss": WESTMORLAND}))
        handover = (await settled(old.actions.handovers, within=40))[0].handover.hex()
        await settled(new.actions.handovers)
        old.actions.release(handover, WORKER)
        await settled(lambda: new.actions.handovers()[0].verified, within=40)
        new.actions.accept(handover, WORKER)
        await settled(lambda: old.actions.handovers()[0].state == "closed", within=40)
        new.read(new.inbox()[0].number, role="front-door worker")
        new.take_on(new.inbox()[0].number, by="Rowan Example, team manager")
        before = len(old.inbox())
        routine = health.publish(
            a_document("appointment.missed", n=3, subject={"nhs_number": SIBLING}, residence=home)
        )
        await settled(lambda: len(old.inbox()) > before, within=40)
        await settled(lambda: any(r.taken_on_ms for sent in health.outbox() for r in sent.readers), within=40)
    async with Publisher(await it.connect("school")) as publisher:
        await publisher.publish(Outgoing(f"out.{it.members['school']}.normal.0", b"Rowan Quince", "junk"))
    return {"concern": concern, "move": move, "routine": routine, "handover": handover}


async def _whole_run(folder: Path) -> Run:
    async with exchange(folder) as it:
        with _collector() as collector:
            endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}"}
            with ExitStack() as stack:
                running = {
                    name: stack.enter_context(
                        program(folder / f"{name}.log", *command, "--metrics-port", "0", env=endpoint)
                    )
                    for name, command in {
                        "router": ("router", "--data", it.layout.data),
                        **{
                            name: ("gateway", "run", "--home", it.home(name))
                            for name in ("health", "cumberland", "westmorland")
                        },
                        "board": ("board", "run", "--home", it.home("board")),
                    }.items()
                }
                story = await _story(it)
                scraped = {}
                await settled(lambda: _refusals(running["router"]) == 1.0, within=40)
                # What is published is marked so with the next commit, at the latest a second later.
                await settled(lambda: _waiting(running["router"]) == 0.0, within=40)
                for name, one in running.items():
                    scraped[name] = await asyncio.to_thread(_scrape, one)
            # Stopped: each has sent what was left.
            bodies = list(collector.bodies)  # type: ignore[attr-defined]
        return Run(
            logs={name: one.log for name, one in running.items()},
            metrics={name: values for name, (values, _) in scraped.items()},
            raw_metrics="".join(text for _, text in scraped.values()),
            requests=[ExportTraceServiceRequest.FromString(body) for _, body in bodies],
            raw_traces=b"".join(body for _, body in bodies),
            secrets=_secrets(it),
            **story,
        )


def _refusals(router: Running) -> float | None:
    return _scrape(router)[0].get(("handrail_router_refused_total", "malformed"))


def _waiting(router: Running) -> float | None:
    return _scrape(router)[0].get(("handrail_router_waiting", "inbox"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run for all claims: it takes some seconds."""
    return asyncio.run(_whole_run(tmp_path_factory.mktemp("run")))


@pytest.mark.parametrize("event", ["concern", "move"])
def test_one_event_id_greps_from_author_through_router_to_reader(run: Run, event: str) -> None:
    event_id = str(getattr(run, event))
    where = {
        name: {line["event"] for line in map(json.loads, log.splitlines()) if event_id in json.dumps(line)}
        for name, log in run.logs.items()
    }

    assert "sent" in where["health"]
    assert "taken" in where["router"]
    assert "received" in where["cumberland"]
    # The new area had it by the move itself, or by a grant on an order that names it.
    assert "received" in where["westmorland"]


def test_a_handover_and_its_order_grep_too(run: Run) -> None:
    lines = {name: [json.loads(line) for line in log.splitlines()] for name, log in run.logs.items()}
    order = next(line["order_id"] for line in lines["router"] if line["event"] == "order")

    for name in ("router", "cumberland", "westmorland"):
        assert run.handover in run.logs[name], name
        assert order in run.logs[name], name


def test_every_line_of_every_log_is_a_json_object_with_a_name_and_a_time(run: Run) -> None:
    for name, log in run.logs.items():
        lines = [json.loads(line) for line in log.splitlines()]

        assert lines, name
        assert [] == [line for line in lines if not {"event", "level", "timestamp"} <= set(line)]


@pytest.mark.parametrize("place", ["logs", "metrics", "traces"])
def test_nothing_personal_and_no_key_leaves_in(run: Run, place: str) -> None:
    told = {
        "logs": "".join(run.logs.values()),
        "metrics": run.raw_metrics,
        "traces": run.raw_traces.decode("latin-1"),
    }[place]

    assert len(run.secrets) > 30
    assert [] == [canary for canary in (*CANARIES, *TYPES, *run.secrets) if canary.lower() in told.lower()]


def test_the_search_for_canaries_would_find_one(run: Run) -> None:
    """A search that finds nothing proves something only if it finds what is there: the event id is, in all three."""
    assert str(run.concern) in run.logs["router"]
    assert run.concern.raw.decode("latin-1") in run.raw_traces.decode("latin-1")


def test_of_a_routine_event_the_router_tells_nobody(run: Run) -> None:
    """Its author and its reader may know it; at the broker a count stays, and that is all (P12)."""
    assert str(run.routine) in run.logs["health"]
    assert str(run.routine) in run.logs["cumberland"]
    assert str(run.routine) not in run.logs["router"]
    assert run.routine.raw.hex() not in run.logs["router"]
    assert 1.0 == run.metrics["router"]["handrail_router_messages_total", "routine"]
    assert {"handrail-gateway"} == {
        service for service, span in _spans(run) if span.trace_id == run.routine.raw
    }


def _spans(run: Run) -> list[tuple[str, Any]]:
    return [
        (next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name"), span)
        for request in run.requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_an_events_id_is_its_trace(run: Run) -> None:
    ours = [(service, span) for service, span in _spans(run) if span.trace_id == run.concern.raw]

    assert {
        ("handrail-gateway", "send"),
        ("handrail-router", "route"),
        ("handrail-gateway", "receive"),
    } <= {(service, span.name) for service, span in ours}
    sent = next(span for _, span in ours if span.name == "send")
    routed = next(span for _, span in ours if span.name == "route")
    received = next(span for _, span in ours if span.name == "receive")
    assert sent.start_time_unix_nano <= routed.end_time_unix_nano <= received.end_time_unix_nano


def test_a_batch_is_linked_with_its_events_both_ways(run: Run) -> None:
    spans = [span for _, span in _spans(run)]
    routed = next(span for span in spans if span.name == "route" and span.trace_id == run.concern.raw)
    batch = next(span for span in spans if span.span_id == routed.links[0].span_id)

    assert "route batch" == batch.name
    assert run.concern.raw in [link.trace_id for link in batch.links]


def test_spans_say_ids_and_counts_only(run: Run) -> None:
    said = {attribute.key for _, span in _spans(run) for attribute in span.attributes}
    about = {
        attribute.key
        for request in run.requests
        for resource in request.resource_spans
        for attribute in resource.resource.attributes
    }

    assert {"handrail.events", "handrail.event_id"} == said
    assert {"service.name", "service.version"} == about


def test_the_router_counts_what_happened(run: Run) -> None:
    router = run.metrics["router"]

    assert 1.0 == router["handrail_router_refused_total", "malformed"]
    assert router["handrail_router_messages_total", "taken"] >= 6
    for kind in ("delivered", "opened", "taken_on"):
        assert router["handrail_router_receipts_total", kind] >= 1
    assert router["handrail_router_published_total", "inbox"] >= 6
    assert router["handrail_router_batch_seconds_count", ""] >= 1
    assert 0.0 == router["handrail_router_waiting", "inbox"]
    assert 1.0 == router["handrail_router_quarantined_messages", ""]
    assert router["handrail_disk_free_bytes", ""] > 0


def test_a_gateway_and_a_board_count_what_is_theirs(run: Run) -> None:
    health, cumberland = run.metrics["health"], run.metrics["cumberland"]

    assert 3.0 == health["handrail_gateway_sent_total", "event"]
    assert 0.0 == health["handrail_gateway_outbox_messages", ""]
    assert cumberland["handrail_gateway_received_total", ""] >= 3
    assert 0.0 == cumberland["handrail_gateway_unusable_deliveries", ""]
    assert run.metrics["board"]["handrail_board_entries_total", ""] >= 5
    assert 0.0 == run.metrics["board"]["handrail_board_missing_entries", ""]


def test_labels_name_reasons_and_opaque_members_only(run: Run) -> None:
    labels = {
        (name, value)
        for family in text_string_to_metric_families(run.raw_metrics)
        for sample in family.samples
        for name, value in sample.labels.items()
    }

    assert {"outcome", "code", "kind", "lane", "what", "le", "member"} >= {name for name, _ in labels}
    assert all(re.fullmatch(r"m-[a-z2-7]{10}", value) for name, value in labels if name == "member")
