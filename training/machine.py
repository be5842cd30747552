"""Describe the machine on which measurements were made."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct


class Machine(Struct, frozen=True):
    """A machine and its Python environment."""

    cpu: str
    cores: int
    memory_gib: float
    os: str
    python: str
    #: Versions, by name, of the installed distributions that the measurements depend on.
    packages: dict[str, str]
    #: Load average in the last minute before the measurement; above 0.5, the measurements are unreliable.
    load_before: float


def describe_machine(packages: tuple[str, ...]) -> Machine:
    """Return a description of this machine.

    Args:
        packages: Names of the distributions to list with their versions.
    """
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gib=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        os=platform.platform(),
        python=platform.python_version(),
        packages={name: version(name) for name in packages},
        load_before=round(os.getloadavg()[0], 2),
    )


def _cpu() -> str:
    info = Path("/proc/cpuinfo")  # Linux only; on macOS platform.processor() has the name
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
