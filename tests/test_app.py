"""The worker's sink follows the delivery guarantee in the settings."""

from unittest.mock import Mock

import pytest

from stream.app import make_sink
from stream.kafka.sink import AtLeastOnceSink, Sink
from stream.kafka.transactional_sink import TransactionalSink
from stream.settings import Settings


@pytest.mark.parametrize(
    ("delivery", "kind"), [("exactly_once", TransactionalSink), ("at_least_once", AtLeastOnceSink)]
)
def test_the_sink_gives_the_guarantee_in_the_settings(delivery: str, kind: type[Sink]) -> None:
    """Exactly-once needs transactions; at-least-once does without."""
    assert isinstance(make_sink(Settings().replace(worker_delivery=delivery), Mock(), Mock()), kind)
