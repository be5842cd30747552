"""A stand-in for the pods that `kubectl port-forward` leads to: one server that responds as any edge or worker."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from schemas.messages import encode
from tests.support.records import decision

#: Decisions per second, not counting those that alert.
RATE = 10_000
_METRICS = """
# TYPE program_ready gauge
program_ready 1
# TYPE fraud_predictions_total counter
fraud_predictions_total{{verdict="approve"}} {decided}
fraud_predictions_total{{verdict="review"}} {alerts}
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total {cpu}
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 200000000
"""


class StandInPod(ThreadingHTTPServer):
    """The server.

    Attributes:
        keys: Authorization headers of the requests so far.
        metrics_status: Status of the responses to requests for metrics.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pod)
        self.keys: set[str | None] = set()
        self.metrics_status = 200
        self.began_s = time.monotonic()


class _Pod(BaseHTTPRequestHandler):
    server: StandInPod

    def do_GET(self) -> None:
        if self.path != "/metrics":
            self._respond(200, b"{}")
            return
        decided = RATE * (time.monotonic() - self.server.began_s)
        page = _METRICS.format(decided=decided, alerts=decided / 100, cpu=decided / 4e4)
        self._respond(self.server.metrics_status, page.encode())

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "amount_minor" not in request:
            self._respond(422, b"{}")
            return
        self._respond(200, encode(msgspec.structs.replace(decision(1), transaction_id=request["transaction_id"])))

    def _respond(self, status: int, body: bytes) -> None:
        self.server.keys.add(self.headers.get("Authorization"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""
