"""Made-up card transactions, and a feeder that keeps them coming while a test breaks things."""

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

from stream.settings import Settings
from tests.support.bundles import NUMERIC
from tests.support.feeder import Sent, SteadyFeeder
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
    produce_all(settings.kafka.bootstrap, settings.topic.transactions, rows)


class Feeder(SteadyFeeder):
    """Sends transactions.

    Args:
        settings: Address and topic.
        rate: Transactions a second.
        bootstrap: Another way to the broker, past a proxy.
        make: Makes the transaction of a number.

    Attributes:
        make: Another one changes the traffic from the next on.
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

    def _messages(self, number: int) -> Iterable[Sent]:
        yield self._topic, (f"card-{number % 500}".encode(), self.make(number))
