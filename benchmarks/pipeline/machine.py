"""Description of the machine on which the results were measured."""

import msgspec

from stream.local.distribution import KAFKA_VERSION
from training import machine

_PACKAGES = ("aiokafka", "confluent-kafka", "faust-streaming", "msgspec", "numpy", "onnxruntime", "orjson")


class KafkaMachine(machine.Machine, frozen=True):
    """A machine and the version of Kafka that is installed on it."""

    kafka: str


def describe_machine() -> KafkaMachine:
    """Describe this machine, with the versions of the packages that affect the results."""
    return KafkaMachine(**msgspec.structs.asdict(machine.describe_machine(_PACKAGES)), kafka=KAFKA_VERSION)
