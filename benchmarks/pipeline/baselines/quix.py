"""Quix Streams used as its manual recommends: one transaction at a time, in exactly-once mode.

Windows batch by key, and sinks are outside the Kafka transactions, so neither can score a batch exactly once.
`Job.batch` sets `commit_every`, the number of transactions in a checkpoint. Quix Streams pins an older confluent-kafka,
so it runs in its own environment.
"""

import time
from typing import Any

from quixstreams import Application, message_context

from benchmarks.pipeline.baselines.job import Job, read_job
from benchmarks.pipeline.baselines.plain import PlainOutputs, PlainScorer, SourceOffset


def run(job: Job) -> None:
    """Score transactions until the process receives a signal."""
    application = Application(
        broker_address=job.bootstrap,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_every=job.batch,
        commit_interval=1.0,
        auto_create_topics=False,
        use_changelog_topics=False,
        loglevel="WARNING",
        consumer_extra_config={"isolation.level": "read_committed"},
        producer_extra_config={
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            # Wait longer to make larger requests; a commit flushes immediately anyway.
            "linger.ms": 50,
            # A Kafka transaction that begins right after a commit must retry; by default it waits 100 ms first.
            "retry.backoff.ms": 10,
        },
    )
    scorer = PlainScorer(job)

    def topic(name: str) -> Any:
        return application.topic(
            name, key_serializer="bytes", value_serializer="bytes", key_deserializer="bytes", value_deserializer="bytes"
        )

    def score(value: bytes) -> PlainOutputs:
        context = message_context()
        return scorer.score([value], [SourceOffset(context.topic, context.partition, context.offset)], time.monotonic())

    outputs = application.dataframe(topic(job.topic_transactions)).apply(score)
    for name, field in (
        (job.topic_decisions, "decisions"),
        (job.topic_alerts, "alerts"),
        (job.topic_shadow_scores, "shadow_scores"),
    ):
        rows = outputs.apply(lambda scored, field=field: [value for _, value in getattr(scored, field)], expand=True)
        rows.to_topic(topic(name))
    application.run()


if __name__ == "__main__":
    run(read_job())
