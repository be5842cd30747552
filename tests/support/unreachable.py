"""Real Kafka clients without a broker: what they queue is never acknowledged, and soon fails."""

from typing import Any

import pytest

from stream.kafka.clients import producer_config
from stream.runtime.ports import free_port
from stream.settings import KafkaSettings, Settings

#: Milliseconds after which a message without an acknowledgement fails.
TIMEOUT_MS = 100


def unreachable_kafka() -> KafkaSettings:
    """Return a Kafka connection to a port on which nothing listens."""
    return Settings().replace(kafka_bootstrap=f"127.0.0.1:{free_port()}").kafka


def limit_producers(monkeypatch: pytest.MonkeyPatch, module: Any, **limits: int) -> None:
    """Make the producers that a module creates give up soon.

    Args:
        monkeypatch: Fixture that ends the limits with the test.
        module: Module that calls `producer_config`.
        limits: Further options of librdkafka, with underscores for dots.
    """
    options = {"message.timeout.ms": TIMEOUT_MS, "log_level": 0}
    options |= {name.replace("_", "."): value for name, value in limits.items()}
    monkeypatch.setattr(module, "producer_config", lambda kafka: producer_config(kafka) | options)
