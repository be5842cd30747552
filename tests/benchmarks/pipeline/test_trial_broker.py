"""The topics of a trial are deleted before the next trial, so that the broker is in the same state for each trial."""

from confluent_kafka.admin import AdminClient

from benchmarks.pipeline.inputs import BenchmarkInputs
from benchmarks.pipeline.numbered_transactions import NumberedTransactions
from benchmarks.pipeline.trial_broker import TrialBroker
from stream.kafka.topics import topic_table
from stream.local.broker import LocalBroker
from stream.settings import Settings
from tests.support.until import until


def test_trial_topics_are_deleted_and_inputs_are_kept(own_broker: LocalBroker, inputs: BenchmarkInputs) -> None:
    """The next trial deletes the previous trial's topics but keeps the input topic, which many trials read."""
    bootstrap = own_broker.bootstrap
    trials = TrialBroker(bootstrap, inputs)
    input_topic = trials.fill(NumberedTransactions(inputs.transactions, 10), lambda _: None)
    first = trials.prepare(transactions=input_topic)
    assert first.topic.transactions == input_topic
    second = trials.prepare(transactions=input_topic)
    until(lambda: trial_topics(bootstrap) == {input_topic, *topic_names(second)})


def topic_names(settings: Settings) -> set[str]:
    """Return the names of all topics in the settings."""
    return {spec.name for spec in topic_table(settings.topic)}


def trial_topics(bootstrap: str) -> set[str]:
    """Return the trial topics that exist on the broker."""
    topics = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=10).topics
    return {name for name in topics if name.startswith("trial-")}
