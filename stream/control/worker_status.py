"""Reading `worker-status`: what each worker slot said last."""

import contextlib

import msgspec

from schemas.messages import WorkerStatus
from stream.kafka.topic_reader import read_topic
from stream.settings import Settings

_decoder = msgspec.json.Decoder(WorkerStatus)


def worker_statuses(settings: Settings) -> list[WorkerStatus]:
    """Return the newest status of each slot, by slot; what cannot be read is no status.

    Raises:
        BrokerUnavailableError: If no broker answers.
        TopicMissingError: If there is no such topic.
    """
    newest: dict[str, WorkerStatus] = {}
    for raw in read_topic(settings.kafka, settings.topic.worker_status):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            status = _decoder.decode(raw or b"")
            newest[status.slot] = status
    return [newest[slot] for slot in sorted(newest)]
