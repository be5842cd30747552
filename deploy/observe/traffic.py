"""Endless traffic: the transactions in a file, repeated, most of them on the stream and some over HTTP."""

import contextlib
import itertools
import time
import urllib.request
from collections.abc import Iterator, Sequence

import msgspec
from confluent_kafka import Producer

from stream.kafka.clients import producer_config
from stream.runtime.background import Background
from stream.settings import Settings

#: Transactions per second: high enough for every rate on the dashboards to have a value, low enough for a laptop.
RATE = 200
#: One in this many transactions is sent over HTTP rather than on the stream.
HTTP_SHARE = 20
#: Seconds between two bursts of transactions.
SLICE_S = 0.1
#: Seconds to wait for the last transactions to be acknowledged, and for an HTTP response.
TIMEOUT_S = 5.0


class TrafficGenerator(Background):
    """Sends transactions from its own thread until the context exits.

    Args:
        settings: Kafka connection, topic name and port of the HTTP edge.
        messages: Transactions as JSON; each repetition has new transaction ids.

    Attributes:
        sent: Number of transactions sent so far.
    """

    def __init__(self, settings: Settings, messages: Sequence[bytes]) -> None:
        super().__init__("traffic")
        self._topic = settings.topic.transactions
        self._url = f"http://127.0.0.1:{settings.http.port}/predict"
        self._endless = _endless(messages)
        self._producer = Producer(producer_config(settings.kafka))
        self.sent = 0

    def stop(self) -> None:
        """Stop, and wait until Kafka has acknowledged all messages."""
        super().stop()
        self._producer.flush(TIMEOUT_S)

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.wait(SLICE_S):
            due = int((time.monotonic() - began) * RATE)
            for card, value in itertools.islice(self._endless, due - self.sent):
                self.sent += 1
                if self.sent % HTTP_SHARE:
                    self._producer.produce(self._topic, value, card)
                else:
                    self._post(value)
            self._producer.poll(0)

    def _post(self, value: bytes) -> None:
        request = urllib.request.Request(self._url, value, {"Content-Type": "application/json"})  # noqa: S310 - ours
        # Errors are ignored here, because the dashboards show them.
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            response.read()


def _endless(messages: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    for repetition in itertools.count():
        for message in messages:
            transaction = msgspec.json.decode(message)
            transaction["transaction_id"] = f"{transaction['transaction_id']}-{repetition}"
            yield transaction["card_id"], msgspec.json.encode(transaction)
