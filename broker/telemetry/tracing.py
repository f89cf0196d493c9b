"""OpenTelemetry traces: off unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set. An event's id *is* its trace id.

So the spans of author's gateway, router and reader's gateway meet in one trace, and nothing has to travel with the
message for it. A batch has a trace of its own, linked to the events in it. Attributes are ids and counts.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from broker.telemetry.ids import event_text

_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


class Tracing:
    """Spans of one process. ``close`` sends what is left."""

    def __init__(self, service: str, version: str) -> None:
        # Only these two: the default would add what is known of machine and process.
        resource = Resource({"service.name": service, "service.version": version})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("handrail")

    def events(self, name: str, event_ids: Sequence[bytes], started_ns: int, ended_ns: int) -> None:
        """One step of these events' way, taken together."""
        contexts = [(event_id, context_of(event_id)) for event_id in event_ids]
        if not contexts:
            return
        batch = self._tracer.start_span(
            f"{name} batch",
            context=Context(),
            links=[Link(context) for _, context in contexts],
            attributes={"handrail.events": len(contexts)},
            start_time=started_ns,
        )
        batch.end(ended_ns)
        for event_id, context in contexts:
            self._tracer.start_span(
                name,
                context=set_span_in_context(NonRecordingSpan(context), Context()),
                links=[Link(batch.get_span_context())],
                attributes={"handrail.event_id": event_text(event_id)},
                start_time=started_ns,
            ).end(ended_ns)

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.shutdown()


def context_of(event_id: bytes) -> SpanContext:
    """Where an event's spans meet: a trace whose id is the event's."""
    root = hashlib.sha256(b"handrail trace " + event_id).digest()[:8]
    return SpanContext(
        int.from_bytes(event_id, "big"), int.from_bytes(root, "big"), is_remote=True, trace_flags=_SAMPLED
    )
