"""What tests ask of a worker from outside: its metrics, and its newest status."""

import urllib.request
from collections import Counter

import msgspec

from schemas.messages import WorkerStatus
from stream.settings import Settings
from tests.support.topics import read_all

_statuses = msgspec.json.Decoder(WorkerStatus)


def metrics(settings: Settings) -> Counter[str]:
    """Return a worker's metrics by name and labels, as they stand on /metrics; 0 for what was never counted."""
    with urllib.request.urlopen(f"http://{settings.web.host}:{settings.web.port}/metrics", timeout=5) as reply:
        lines = reply.read().decode().splitlines()
    counted = (line.rpartition(" ") for line in lines if line[0] != "#")
    return Counter({name: float(value) for name, _, value in counted})


def newest_status(settings: Settings, bootstrap: str | None = None) -> WorkerStatus | None:
    """Return the newest worker-status of a worker's slot, None before the first."""
    messages = read_all(bootstrap or settings.kafka.bootstrap, settings.topic.worker_status)
    own = [message.value() for message in messages if message.key() == settings.kafka.slot.encode()]
    return _statuses.decode(own[-1] or b"") if own else None
