"""Reads the newest state of each worker slot from `worker-status`."""

import contextlib

import msgspec

from schemas.messages import WorkerStatus
from stream.kafka.topic_reader import read_topic
from stream.settings import KafkaSettings, TopicSettings

_decoder = msgspec.json.Decoder(WorkerStatus)


def worker_statuses(kafka: KafkaSettings, topics: TopicSettings) -> list[WorkerStatus]:
    """Return the newest status of each slot, sorted by slot; messages that cannot be decoded are ignored.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the topic does not exist.
    """
    newest: dict[str, WorkerStatus] = {}
    for raw in read_topic(kafka, topics.worker_status):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            status = _decoder.decode(raw or b"")
            newest[status.slot] = status
    return [newest[slot] for slot in sorted(newest)]
