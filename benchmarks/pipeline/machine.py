"""What the figures were measured on."""

import msgspec

from stream.local.distribution import KAFKA_VERSION
from training import machine

_PACKAGES = ("aiokafka", "confluent-kafka", "faust-streaming", "msgspec", "numpy", "onnxruntime", "orjson")


class Machine(machine.Machine, frozen=True):
    """The machine and what ran on it."""

    kafka: str


def look_at_machine() -> Machine:
    """Describe this machine."""
    return Machine(**msgspec.structs.asdict(machine.look_at_machine(_PACKAGES)), kafka=KAFKA_VERSION)
