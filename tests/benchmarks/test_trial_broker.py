"""The field leaves nothing behind: each trial finds the same broker."""

from confluent_kafka.admin import AdminClient

from benchmarks.pipeline.feed import Feed
from benchmarks.pipeline.inputs import Materials
from benchmarks.pipeline.trial_broker import Field
from stream.kafka.topics import topic_table
from stream.local.broker import LocalBroker
from stream.settings import Settings
from tests.support.until import until


def test_a_trial_s_topics_go_with_the_next_and_inputs_stay(own_broker: LocalBroker, materials: Materials) -> None:
    """An input is filled once and read by many trials."""
    bootstrap = own_broker.bootstrap
    field = Field(bootstrap, materials)
    input_topic = field.fill(Feed(materials.rows, 10), lambda _: None)
    first = field.prepare(transactions=input_topic)
    assert first.topic.transactions == input_topic
    second = field.prepare(transactions=input_topic)
    until(lambda: left(bootstrap) == {input_topic, *names(second)})


def names(settings: Settings) -> set[str]:
    """Of all topics."""
    return {spec.name for spec in topic_table(settings)}


def left(bootstrap: str) -> set[str]:
    """Topics of trials that are there."""
    topics = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10).topics
    return {name for name in topics if name.startswith("trial-")}
