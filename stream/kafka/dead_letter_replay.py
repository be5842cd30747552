"""Send the messages of dead letters again, each exactly once.

Each Kafka transaction contains some messages and, on the topic `dead-letter-replays`, a record of each. So a message
has been sent if and only if its record exists. That topic has one writer at a time: a second replay fences the first,
and then reads everything that the first has recorded.

The records have a topic of their own. On the dead letters' topic, its readers would have to tell records from dead
letters; the source topic usually keeps its messages for a shorter time than dead letters are kept, and is too large to
search; and offsets of a consumer group cannot express which messages a filter left out.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from schemas.errors import BrokerUnavailableError, KafkaError, TransactionError
from schemas.messages import DeadLetterReplay, encode
from stream.kafka.dead_letter_plan import ReplayPlan
from stream.kafka.dead_letter_reader import DeadLetterFilter, StoredDeadLetter, read_dead_letters, read_replays
from stream.kafka.dead_letters import REPLAYED_FROM_HEADER, REPLAYS_HEADER
from stream.kafka.sole_writer import sole_transactions
from stream.kafka.topics import require_topics
from stream.settings import KafkaSettings, TopicSettings

#: Maximum number of messages, and of their bytes, in one Kafka transaction, which must commit within 45 s.
CHUNK = 500
CHUNK_BYTES = 8 * 1024 * 1024


def replay_dead_letters(
    kafka: KafkaSettings,
    topics: TopicSettings,
    selection: DeadLetterFilter,
    plan: ReplayPlan,
    on_sent: Callable[[int], None],
) -> int:
    """Send the planned messages again with their original keys, in order within each partition of dead letters.

    Args:
        kafka: Kafka connection.
        topics: Topic names.
        selection: The dead letters that the plan was made from.
        plan: The dead letters whose messages to send. Those that were sent since the plan was made are left out.
        on_sent: Called with the number of messages sent so far.

    Returns:
        The number of messages sent.

    Raises:
        BrokerUnavailableError: If Kafka did not confirm a transaction.
        TopicMissingError: If a topic that is read or written does not exist.
        KafkaError: If Kafka rejects a message, or another replay was started.
    """
    # No other topic: the user may lack the right to see it.
    sources = {topic for topic, _ in plan.counts}
    require_topics(kafka, topics, {topics.dead_letters, topics.dead_letter_replays, *sources})
    sent = 0
    try:
        with sole_transactions(kafka, topics.dead_letter_replays) as transact:
            replayed = read_replays(kafka, topics)
            chosen = (
                each
                for each in read_dead_letters(kafka, topics, selection)
                if (each.partition, each.offset) in plan.chosen and each.message not in replayed
            )
            for chunk in _chunks(chosen):
                transact(_messages(chunk, topics))
                sent += len(chunk)
                on_sent(sent)
    except TransactionError as error:
        raise _explained(error, sent) from None
    return sent


def _chunks(dead_letters: Iterable[StoredDeadLetter]) -> Iterator[list[StoredDeadLetter]]:
    chunk: list[StoredDeadLetter] = []
    size = 0
    for each in dead_letters:
        if chunk and (len(chunk) == CHUNK or size + each.content.value_size > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(each)
        size += each.content.value_size
    if chunk:
        yield chunk


def _messages(dead_letters: Iterable[StoredDeadLetter], topics: TopicSettings) -> Iterator[dict[str, Any]]:
    """Yield the message and the record of each dead letter, as arguments of `Producer.produce`."""
    now_ms = time.time_ns() // 1_000_000
    for each in dead_letters:
        content = each.content
        replays = content.replays + 1
        headers = [
            (REPLAYED_FROM_HEADER, f"{topics.dead_letters}/{each.id}".encode()),
            (REPLAYS_HEADER, str(replays).encode()),
        ]
        yield {"topic": content.source_topic, "key": content.key, "value": content.value, "headers": headers}
        record = DeadLetterReplay(each.partition, each.offset, *each.message, replays=replays, sent_at_ms=now_ms)
        yield {"topic": topics.dead_letter_replays, "key": each.id, "value": encode(record), "partition": 0}


def _explained(error: TransactionError, sent: int) -> KafkaError:
    count = "1 message was" if sent == 1 else f"{sent} messages were"
    if error.fenced:
        return KafkaError(f"another replay was started and has taken over; {count} sent before")
    if error.unavailable:
        return BrokerUnavailableError(
            f"Kafka did not respond in time ({error}); {count} certainly sent. Run the same command again: it sends "
            "only what has not been sent"
        )
    return KafkaError(
        f"Kafka rejected the messages after {count} sent ({error}). Fix the cause, or leave the messages out with "
        "--reason, --from or --to, and run the command again: it sends only what has not been sent"
    )
