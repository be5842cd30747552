"""Sends spans to an OpenTelemetry collector. Imports the packages of the extra `tracing`."""

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def exporting_provider(endpoint: str, program: str, slot: str) -> TracerProvider:
    """Return a tracer provider that sends spans in batches.

    Args:
        endpoint: Base URL of the collector's OTLP/HTTP receiver.
        program: Name of the program, part of the service name.
        slot: Slot that identifies the process.
    """
    service = {"service.name": f"fraud-stream-{program}", "service.instance.id": slot}
    provider = TracerProvider(resource=Resource.create(service))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    return provider
