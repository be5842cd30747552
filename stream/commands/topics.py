"""`fraud-stream topics` and `tail`."""

import itertools
from contextlib import nullcontext

import click

from stream.commands.command_line import examples, until_stopped
from stream.kafka.tail import follow_topic
from stream.kafka.topics import create_topics
from stream.settings import read_settings


@click.command(
    epilog=examples(
        "FRAUD_KAFKA_BOOTSTRAP=kafka:9092 FRAUD_TOPIC_PARTITIONS=12 FRAUD_TOPIC_REPLICATION=3 fraud-stream topics",
    )
)
def topics() -> None:
    """Create the missing topics, and print their names."""
    settings = read_settings()
    created = create_topics(settings.kafka, settings.topic)
    click.echo("\n".join(created) if created else "all topics exist already")


@click.command(
    epilog=examples(
        "fraud-stream tail alerts | jq '{transaction_id, score, reasons}'",
        "fraud-stream tail decisions --from-beginning --count 10",
    )
)
@click.argument("topic")
@click.option("--from-beginning", is_flag=True, help="Start from the oldest message of each partition.")
@click.option("--count", type=click.IntRange(1), help="Number of messages to print.  [default: no limit]")
def tail(topic: str, *, from_beginning: bool, count: int | None) -> None:
    """Print the committed messages of TOPIC as they arrive, one JSON object per line."""
    messages = follow_topic(read_settings().kafka, topic, from_beginning=from_beginning)
    with until_stopped() if count is None else nullcontext():
        for value in itertools.islice(messages, count):
            click.echo(value)
