"""Traffic of a rehearsal: transactions on the stream, and HTTP requests through the load balancer."""

import itertools
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from confluent_kafka import Producer
from msgspec import Struct

from schemas.errors import FraudError
from stream.kafka.clients import producer_config
from stream.runtime.background import Background
from stream.settings import Settings

#: Transactions per second on the stream, and requests per second over HTTP.
STREAM_RATE, HTTP_RATE = 2_000, 500
#: Seconds between two bursts of transactions.
SLICE_S = 0.05
#: Seconds to wait for the last transactions to be acknowledged.
FLUSH_S = 30.0
#: HTTP connections. Each pauses between two requests, so that together they send `HTTP_RATE`; with so many, a response
#: time of 150 ms lowers the rate by less than a fifth.
CONNECTIONS = 256
#: Approximate response time in milliseconds; subtracted from each connection's pause.
TYPICAL_RESPONSE_MS = 60
_SCRIPT = Path(__file__).parents[2] / "benchmarks" / "http.lua"
_RESULT = re.compile(r"@RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)")


class StreamTraffic(Background):
    """Sends transactions to Kafka at `STREAM_RATE` from a thread of its own.

    Args:
        settings: Kafka connection and topic name.
        messages: Transactions as JSON; they are repeated under new ids.

    Attributes:
        sent: Ids of the transactions sent so far.
        failed: Number of transactions that Kafka did not accept.
    """

    def __init__(self, settings: Settings, messages: Sequence[bytes]) -> None:
        super().__init__("stream-traffic")
        self._topic = settings.topic.transactions
        self._endless = _endless(messages)
        self._producer = Producer(producer_config(settings.kafka) | {"linger.ms": 0})
        self.sent: list[str] = []
        self.failed = 0

    def stop(self) -> None:
        """Stop, and wait until Kafka has acknowledged all transactions."""
        super().stop()
        self.failed += self._producer.flush(FLUSH_S)

    def _run(self) -> None:
        began_s = time.monotonic()
        while not self._stopping.wait(SLICE_S):
            due = int((time.monotonic() - began_s) * STREAM_RATE)
            for card, name, value in itertools.islice(self._endless, due - len(self.sent)):
                self._producer.produce(self._topic, value, card, on_delivery=self._on_delivery)
                self.sent.append(name)
            self._producer.poll(0)

    def _on_delivery(self, error: object, _: object) -> None:
        self.failed += error is not None


class HttpResult(Struct, frozen=True):
    """What the HTTP clients saw."""

    responses: int
    #: Responses with a status other than 200, and requests without a response.
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float


class HttpTraffic:
    """Requests to /predict from `wrk`, until `stop`.

    Args:
        url: URL of the load balancer.
        bodies: File of request bodies, one per line, with @ID@ as the id.
        prefix: Prefix of the transaction ids.
    """

    def __init__(self, url: str, bodies: Path, prefix: str) -> None:
        wrk = shutil.which("wrk")
        if wrk is None:
            raise FraudError("wrk is not installed; install it, for example with: apt install wrk, or brew install wrk")
        pause_ms = max(round(1000 * CONNECTIONS / HTTP_RATE - TYPICAL_RESPONSE_MS), 1)
        command = [
            wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", "30m", "--timeout", "10s",
            "--script", str(_SCRIPT), f"{url}/predict", "--", str(bodies), prefix, str(pause_ms),
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - ours

    def stop(self) -> HttpResult:
        """Stop sending and return what the clients saw.

        Raises:
            FraudError: If the output of wrk cannot be read.
        """
        self._process.send_signal(signal.SIGINT)
        output, errors = self._process.communicate(timeout=30)
        result = _RESULT.search(output)
        if result is None:
            raise FraudError(f"cannot read a result from the output of wrk: {output[-300:]} {errors[-300:]}")
        requests, duration_us, refused, broken, p50, p99, _ = map(int, result.groups())
        return HttpResult(requests - refused, refused + broken, duration_us / 1e6, p50 / 1000, p99 / 1000)


def _endless(messages: Sequence[bytes]) -> Iterator[tuple[str, str, bytes]]:
    """Yield card, id and message of each transaction, repeated under new ids without an end."""
    for repetition in itertools.count():
        for message in messages:
            transaction = msgspec.json.decode(message)
            transaction["transaction_id"] = name = f"{transaction['transaction_id']}-{repetition}"
            yield transaction["card_id"], name, msgspec.json.encode(transaction)
