"""Made-up card transactions, and a feeder that keeps them coming while a test breaks things."""

import json
import random
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Producer

from stream.kafka.background import Background
from stream.settings import Settings
from tests.support.bundles import NUMERIC
from tests.support.topics import produce_all


def transaction(number: int, **overrides: Any) -> bytes:
    """Return transaction `number`: the same bytes each time, its features normal with a spread of 2.

    About 12 % of them alert with the bundles of `put_bundle`.
    """
    rng = random.Random(number)  # noqa: S311 - reproducible, not secret
    fields = {
        "transaction_id": str(number),
        "card_id": f"card-{number % 500}",
        "event_time_ms": 1_378_000_000_000 + number,
        "amount_minor": rng.randrange(1, 100_000),
        "currency": "EUR",
        "features": {name: rng.gauss(0, 2) for name in NUMERIC},
    }
    return json.dumps(fields | overrides).encode()


def send(settings: Settings, count: int, first: int = 0) -> None:
    """Send transactions first to first + count - 1 as fast as possible and return when all are acknowledged."""
    numbers = range(first, first + count)
    rows = ((f"card-{number % 500}".encode(), transaction(number)) for number in numbers)
    produce_all(settings.bootstrap, settings.topic_transactions, rows)


class Feeder(Background):
    """Sends transactions at a steady rate from a thread of its own, until left; then everything is acknowledged.

    Args:
        settings: Address and topic.
        rate: Transactions a second.
        bootstrap: Another way to the broker, past a proxy.

    Attributes:
        make: Makes the transaction of a number; another one changes the traffic from the next on.
    """

    def __init__(
        self,
        settings: Settings,
        rate: int = 1_000,
        bootstrap: str | None = None,
        make: Callable[[int], bytes] = transaction,
    ) -> None:
        super().__init__("feeder")
        self.make = make
        self._topic = settings.topic_transactions
        self._rate = rate
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap or settings.bootstrap,
                "enable.idempotence": True,  # a broker that goes and comes must not make the input itself repeat
                "partitioner": "murmur2_random",
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self.sent = 0

    def stop(self) -> None:
        """Stop sending and wait until everything sent is acknowledged."""
        super().stop()
        assert self._producer.flush(60) == 0, "the feeder's transactions were not acknowledged within 60 s"

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stopping.wait(0.01):
            due = int((time.monotonic() - began) * self._rate)
            for number in range(self.sent, due):
                self._producer.produce(self._topic, self.make(number), f"card-{number % 500}".encode())
            self.sent = due
            self._producer.poll(0)
