"""OpenTelemetry traces: where a batch or a request spends its time.

Without a collector's address, no spans are created at all: even OpenTelemetry's no-op spans would add 5 % to the time
of an HTTP request. Spans carry transaction ids, but neither features nor cards.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract

from schemas.errors import MissingPackageError
from stream.settings import TracingSettings

T = TypeVar("T")
R = TypeVar("R")
_TRACEPARENT = "traceparent"

#: None while tracing is off.
_tracer: trace.Tracer | None = None
_NO_SPAN = nullcontext()


def set_up_tracing(settings: TracingSettings, program: str, slot: str) -> None:
    """Send spans to the collector in the settings. Call this function once per process.

    Args:
        settings: Tracing settings, with the address of the collector.
        program: Name of the program, part of the service name.
        slot: Slot that identifies the process.

    Raises:
        MissingPackageError: If an address is set, but the exporter's packages are not installed.
    """
    if not settings.otlp_endpoint:
        return
    try:
        from stream.serving.span_exporter import exporting_provider  # noqa: PLC0415 - the exporter is an extra
    except ImportError as error:
        raise MissingPackageError("tracing", error.name, "tracing") from error
    global _tracer  # noqa: PLW0603 - once in a process, as OpenTelemetry's own provider
    trace.set_tracer_provider(exporting_provider(settings.otlp_endpoint, program, slot))
    _tracer = trace.get_tracer("fraud-stream")


def tracing() -> bool:
    """Return whether spans are sent."""
    return _tracer is not None


def span(
    name: str, *, context: Context | None = None, transactions: int | None = None
) -> AbstractContextManager[object]:
    """Return a context manager for a span.

    Args:
        name: Name of the span.
        context: Trace that the span belongs to; None for the current trace.
        transactions: Number of transactions, recorded as an attribute of the span.
    """
    if _tracer is None:
        return _NO_SPAN
    attributes = None if transactions is None else {"transactions": transactions}
    return _tracer.start_as_current_span(name, context, attributes=attributes)


def set_transaction_id(transaction_id: str) -> None:
    """Record the transaction's id on the current span."""
    if _tracer is not None:
        trace.get_current_span().set_attribute("transaction_id", transaction_id)


def traced(name: str, function: Callable[[T], R], argument: T, transactions: int) -> R:
    """Call a function with one argument inside a span, and return its result."""
    with span(name, transactions=transactions):
        return function(argument)


def parent_context(headers: Mapping[str, str]) -> Context | None:
    """Return the trace named by a request's W3C traceparent header; None without the header, or without tracing."""
    return extract(headers) if tracing() and _TRACEPARENT in headers else None
