"""The externally visible state of a worker: its metrics and its newest status."""

import urllib.request
from collections import Counter

import msgspec

from schemas.messages import WorkerStatus
from stream.settings import Settings
from tests.support.topics import read_all

_statuses = msgspec.json.Decoder(WorkerStatus)


def metrics(settings: Settings) -> Counter[str]:
    """Return a worker's metrics from /metrics, by name and labels, with 0 for a series that does not exist."""
    return scrape(f"{settings.web.host}:{settings.web.port}")


def scrape(address: str) -> Counter[str]:
    """Return the metrics of the program at host:port, by name and labels, with 0 for a series that does not exist."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as response:
        lines = response.read().decode().splitlines()
    samples = (line.rpartition(" ") for line in lines if line[0] != "#")
    return Counter({name: float(value) for name, _, value in samples})


def newest_status(settings: Settings, bootstrap: str | None = None) -> WorkerStatus | None:
    """Return the newest worker-status message of a worker's slot; None before the first message."""
    messages = read_all(bootstrap or settings.kafka.bootstrap, settings.topic.worker_status)
    own = [message.value() for message in messages if message.key() == settings.kafka.slot.encode()]
    return _statuses.decode(own[-1] or b"") if own else None
