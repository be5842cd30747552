"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil
from msgspec import Struct

from stream.kafka.distribution import KAFKA_VERSION

_PACKAGES = ("aiokafka", "confluent-kafka", "faust-streaming", "msgspec", "numpy", "onnxruntime", "orjson")


class Machine(Struct, frozen=True):
    """The machine and what ran on it."""

    cpu: str
    cores: int
    memory_gib: float
    os: str
    python: str
    kafka: str
    packages: dict[str, str]
    #: Runnable processes when the bench began, beside the bench; above 0.5 the figures say little.
    load_before: float


def look_at_machine() -> Machine:
    """Describe this machine."""
    return Machine(
        cpu=_cpu(),
        cores=psutil.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        os=platform.platform(),
        python=platform.python_version(),
        kafka=KAFKA_VERSION,
        packages={name: version(name) for name in _PACKAGES},
        load_before=round(os.getloadavg()[0], 2),
    )


def _cpu() -> str:
    info = Path("/proc/cpuinfo")  # Linux; macOS tells platform.processor
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
