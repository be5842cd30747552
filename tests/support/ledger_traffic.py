"""All messages that a ledger reads, as workers, banks and operators would write them, sent all at once or steadily."""

import random
from collections.abc import Iterable

from schemas.messages import BundleRef, Challenger, ModelUpdate, encode
from stream.settings import Settings
from tests.support.feeder import SteadyFeeder, TopicMessage
from tests.support.records import CHALLENGER, CHAMPION, decision, label, shadow
from tests.support.topics import produce_all


def change(epoch: int) -> ModelUpdate:
    """Return the role change that starts an epoch."""
    champion = BundleRef("fraud", "1", "fraud/1", CHAMPION)
    challengers = (Challenger(BundleRef("fraud", "2", "fraud/2", CHALLENGER)),)
    return ModelUpdate(epoch, champion, 1_793_491_200_000 + epoch, "test", challengers=challengers)


def messages_of(settings: Settings, number: int) -> Iterable[TopicMessage]:
    """Yield all messages about a transaction; every tenth transaction has a label, every 50th has two decisions."""
    made, key = decision(number), decision(number).card_id.encode()
    yield settings.topic.decisions, (key, encode(made))
    yield settings.topic.shadow_scores, (key, encode(shadow(number)))
    if number % 10 == 0:
        yield settings.topic.labels, (made.transaction_id.encode(), encode(label(number)))
    if number % 50 == 0:
        again = decision(number, source_offset=number + 1_000_000, score=0.5)
        yield settings.topic.decisions, (key, encode(again))
        yield settings.topic.labels, (made.transaction_id.encode(), encode(label(number)))


def send_history(settings: Settings, count: int, *, seed: int | None = None) -> None:
    """Send all messages about transactions 0 … count-1, shuffled if a seed is given, and three role changes."""
    by_topic: dict[str, list[tuple[bytes, bytes]]] = {}
    for number in range(count):
        for topic, pair in messages_of(settings, number):
            by_topic.setdefault(topic, []).append(pair)
    for topic, pairs in by_topic.items():
        if seed is not None:
            random.Random(seed).shuffle(pairs)  # noqa: S311 - reproducible, not secret
        produce_all(settings.kafka.bootstrap, topic, pairs)
    produce_all(settings.kafka.bootstrap, settings.topic.model_updates, [(b"", encode(change(n))) for n in (1, 2, 3)])


class HistoryFeeder(SteadyFeeder):
    """Sends the messages about each transaction, one transaction after another.

    Args:
        settings: Settings with the bootstrap server and the topics.
        rate: Number of transactions per second.
    """

    def __init__(self, settings: Settings, rate: int = 500) -> None:
        super().__init__(settings.kafka.bootstrap, rate)
        self._settings = settings

    def _messages(self, number: int) -> Iterable[TopicMessage]:
        return messages_of(self._settings, number)
