"""Traffic that never ends: the transactions of a file again and again, most on the stream, some over HTTP."""

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

#: Transactions a second: enough for every rate to be of something, little enough to leave a laptop alone.
RATE = 200
#: Every so many transactions one is asked about over HTTP instead.
OVER_HTTP = 20
#: Seconds between two bursts.
SLICE_S = 0.1
#: Seconds for the last ones to be acknowledged, and for a reply over HTTP.
PATIENCE_S = 5.0


class Feed(Background):
    """Sends from a thread of its own until it is left.

    Args:
        settings: Addresses and the topic.
        messages: Transactions as JSON; each round gives them ids of its own, so that none is a repeat.

    Attributes:
        sent: How many so far.
    """

    def __init__(self, settings: Settings, messages: Sequence[bytes]) -> None:
        super().__init__("feed")
        self._topic = settings.topic.transactions
        self._edge = f"http://127.0.0.1:{settings.http.port}/predict"
        self._endless = _endless(messages)
        self._producer = Producer(producer_config(settings.kafka))
        self.sent = 0

    def stop(self) -> None:
        """Stop, and wait until Kafka has what was sent."""
        super().stop()
        self._producer.flush(PATIENCE_S)

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.wait(SLICE_S):
            due = int((time.monotonic() - began) * RATE)
            for card, value in itertools.islice(self._endless, due - self.sent):
                self.sent += 1
                if self.sent % OVER_HTTP:
                    self._producer.produce(self._topic, value, card)
                else:
                    self._ask(value)
            self._producer.poll(0)

    def _ask(self, value: bytes) -> None:
        request = urllib.request.Request(self._edge, value, {"Content-Type": "application/json"})  # noqa: S310 - ours
        # What the edge says to it is for the dashboards to show.
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310
            reply.read()


def _endless(messages: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    for number in itertools.count():
        for message in messages:
            transaction = msgspec.json.decode(message)
            transaction["transaction_id"] = f"{transaction['transaction_id']}-{number}"
            yield transaction["card_id"], msgspec.json.encode(transaction)
