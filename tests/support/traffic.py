"""Synthetic card transactions, and a feeder that sends them steadily while a test injects faults."""

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

from stream.settings import Settings
from tests.support.bundles import NUMERIC
from tests.support.feeder import SteadyFeeder, TopicMessage
from tests.support.topics import produce_all


def transaction(number: int, **overrides: Any) -> bytes:
    """Return transaction `number`: the same bytes every time, with normally distributed features.

    The features have a standard deviation of 2; models from `put_bundle` alert on about 12% of the transactions.
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
    """Send transactions `first` to `first + count - 1` at full speed and return when all are acknowledged."""
    numbers = range(first, first + count)
    rows = ((f"card-{number % 500}".encode(), transaction(number)) for number in numbers)
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, rows)


class TransactionFeeder(SteadyFeeder):
    """Sends transactions at a steady rate.

    Args:
        settings: Settings with the bootstrap server and the topic.
        rate: Number of transactions per second.
        bootstrap: Bootstrap server that bypasses a proxy; by default the bootstrap server in the settings.
        make: Returns the transaction with a given number.

    Attributes:
        make: The current `make` function. Assigning a new function changes the traffic from then on.
    """

    def __init__(
        self,
        settings: Settings,
        rate: int = 1_000,
        bootstrap: str | None = None,
        make: Callable[[int], bytes] = transaction,
    ) -> None:
        super().__init__(bootstrap or settings.kafka.bootstrap, rate)
        self.make = make
        self._topic = settings.topic.transactions

    def _messages(self, number: int) -> Iterable[TopicMessage]:
        yield self._topic, (f"card-{number % 500}".encode(), self.make(number))
