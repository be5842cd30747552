"""Traces for whoever collects them: what a batch, or a request, spends its time on.

Without an address to send them to there are none: OpenTelemetry's own no-op spans cost a request over HTTP a twentieth
of all its time. Spans name transactions by id, and carry no features and no cards.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract

from schemas.errors import SettingsError
from stream.settings import Settings

T = TypeVar("T")
R = TypeVar("R")
_TRACEPARENT = "traceparent"

#: None until traces are sent.
_tracer: trace.Tracer | None = None
_NOTHING = nullcontext()


def set_up_tracing(settings: Settings, program: str) -> None:
    """Send spans to the settings' collector from now on; once in a process.

    Raises:
        SettingsError: If an address is given, and the packages that send are not installed.
    """
    if not settings.tracing.otlp_endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - likewise
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - likewise
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise SettingsError(
            f"FRAUD_TRACING_OTLP_ENDPOINT is set and {error.name} is not installed; pip install 'fraud-stream[tracing]'"
        ) from error
    who = {"service.name": f"fraud-stream-{program}", "service.instance.id": settings.kafka.slot}
    provider = TracerProvider(resource=Resource.create(who))
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(f"{settings.tracing.otlp_endpoint.rstrip('/')}/v1/traces"))
    )
    global _tracer  # noqa: PLW0603 - once in a process, as OpenTelemetry's own provider
    trace.set_tracer_provider(provider)
    _tracer = trace.get_tracer("fraud-stream")


def tracing() -> bool:
    """Whether traces are sent."""
    return _tracer is not None


def span(
    name: str, *, context: Context | None = None, transactions: int | None = None
) -> AbstractContextManager[object]:
    """Return what is a span while it is entered, part of the current one or of `context`."""
    if _tracer is None:
        return _NOTHING
    attributes = None if transactions is None else {"transactions": transactions}
    return _tracer.start_as_current_span(name, context, attributes=attributes)


def name_transaction(transaction_id: str) -> None:
    """Have the current span say which transaction it is about."""
    if _tracer is not None:
        trace.get_current_span().set_attribute("transaction_id", transaction_id)


def traced(name: str, work: Callable[[T], R], given: T, transactions: int) -> R:
    """Return what `work` makes of something, as a span of that many transactions."""
    with span(name, transactions=transactions):
        return work(given)


def asker(headers: Mapping[str, str]) -> Context | None:
    """Return the trace that a request belongs to, as W3C's traceparent names it; None where it names none."""
    return extract(headers) if tracing() and _TRACEPARENT in headers else None
