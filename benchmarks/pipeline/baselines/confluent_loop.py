"""A plain loop over confluent-kafka: consume, score, produce, all in Kafka transactions, one thread.

A Kafka transaction ends with the first batch after `COMMIT_S`, as in Kafka Streams. Committing each batch would be
slower, because each transaction waits for the markers of the previous transaction.
"""

import signal
import time
from types import FrameType
from typing import Any

from confluent_kafka import Consumer, Producer

from benchmarks.pipeline.baselines.job import Job, read_job
from benchmarks.pipeline.baselines.plain import PlainScorer, SourceOffset

#: Seconds between commits: Kafka Streams' default with exactly-once processing.
COMMIT_S = 0.1


def run(job: Job) -> None:
    """Score transactions until the process receives SIGTERM."""
    stopping = False

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    scorer = PlainScorer(job)
    consumer = Consumer(
        {
            "bootstrap.servers": job.bootstrap,
            "group.id": job.group,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": job.bootstrap,
            "transactional.id": job.group,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            # A Kafka transaction that begins right after a commit must retry; by default it waits 100 ms first.
            "retry.backoff.ms": 10,
            # The queue is large enough for the outputs of one Kafka transaction.
            "queue.buffering.max.messages": 500_000,
        }
    )
    producer.init_transactions()
    consumer.subscribe([job.topic_transactions])
    began: float | None = None
    while not stopping:
        messages: list[Any] = [message for message in consumer.consume(job.batch, 0.05) if message.error() is None]
        if messages:
            read_at = time.monotonic()
            if began is None:
                producer.begin_transaction()
                began = read_at
            outputs = scorer.score(
                [message.value() for message in messages],
                [SourceOffset(message.topic(), message.partition(), message.offset()) for message in messages],
                read_at,
            )
            for topic, rows in (
                (job.topic_decisions, outputs.decisions),
                (job.topic_alerts, outputs.alerts),
                (job.topic_shadow_scores, outputs.shadow_scores),
            ):
                for key, value in rows:
                    producer.produce(topic, value, key)
            producer.poll(0)
        if began is not None and time.monotonic() - began >= COMMIT_S:
            offsets = consumer.position(consumer.assignment())
            producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
            producer.commit_transaction()
            began = None
    if began is not None:
        producer.abort_transaction()
    consumer.close()


if __name__ == "__main__":
    run(read_job())
