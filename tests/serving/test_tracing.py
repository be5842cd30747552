"""Tests the traces that an OpenTelemetry collector receives over HTTP."""

import gzip
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from schemas.errors import MissingPackageError
from stream.kafka.topics import create_topics
from stream.runtime.ports import free_port
from stream.serving import tracing
from stream.settings import Settings
from tests.faults.conftest import publish_champion
from tests.support.http_process import HttpProcess
from tests.support.traffic import send, transaction
from tests.support.until import until
from tests.support.worker_process import WorkerProcess

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Collector:
    """Receives spans on a free port."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Span]:
        """Return all spans received so far."""
        return [span for r in self.requests for rs in r.resource_spans for ss in rs.scope_spans for span in ss.spans]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Yield a running collector."""
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()
    thread.join()


def test_a_request_belongs_to_the_trace_in_its_header(
    make_settings: Callable[..., Settings], collector: Collector, tmp_path: Path
) -> None:
    """The span names the transaction, but neither its card nor a feature's name or value."""
    settings = make_settings(http_port=free_port(), tracing_otlp_endpoint=collector.endpoint)
    create_topics(settings.kafka, settings.topic)
    publish_champion(settings)
    with HttpProcess(settings, tmp_path) as edge, WorkerProcess(settings, tmp_path) as worker:
        edge.wait_ready()
        worker.wait_ready()
        headers = {"Content-Type": "application/json", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        assert edge.client.post("/predict", content=transaction(7), headers=headers).is_success
        send(settings, 20)
        until(lambda: {"decide", "score", "commit"} <= {span.name for span in collector.spans()}, timeout=30)
    (decided,) = [span for span in collector.spans() if span.name == "decide"]
    assert decided.trace_id.hex() == TRACE
    assert {each.key: each.value.string_value for each in decided.attributes} == {"transaction_id": "7"}
    everything = b"".join(request.SerializeToString() for request in collector.requests)
    assert b"card-7" not in everything
    assert b"V1" not in everything


def test_missing_packages_are_an_error(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing packages raise a one-line error that names the extra to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    settings = make_settings(kafka_bootstrap="127.0.0.1:1", tracing_otlp_endpoint="http://127.0.0.1:1")
    with pytest.raises(MissingPackageError, match=r"pip install '\.\[tracing\]'"):
        tracing.set_up_tracing(settings.tracing, "worker", settings.kafka.slot)
