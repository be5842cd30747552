"""The lock files of requirements/, as `make lock` writes them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker

_PACKAGE = re.compile(r"(?P<name>[a-z0-9.-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))?(?: \\)?")
_HASH = re.compile(r"    --hash=sha256:([0-9a-f]{64})(?: \\)?")
_VIA = re.compile(r"    # via (.+)")

#: Platform of both images: values of environment markers that the Dockerfiles' base and its architecture decide.
IMAGE = {
    "implementation_name": "cpython",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "linux",
}


class Package(NamedTuple):
    """A package in a lock file."""

    name: str
    version: str
    #: SHA-256 of each file that may be installed, in hexadecimal.
    hashes: tuple[str, ...]
    #: Names of the packages that require it.
    required_by: frozenset[str]


def locked(path: Path, environment: Mapping[str, str] = IMAGE) -> Iterator[Package]:
    """Yield the packages that a lock file installs in an environment, in the order of the file.

    Args:
        path: The lock file.
        environment: Values of environment markers; the running Python's apply to the others.

    Raises:
        ValueError: If a line is not of the form that `make lock` writes.
    """
    for block in re.split(r"\n(?=\S)", path.read_text("utf-8").rstrip()):
        first, *lines = block.splitlines()
        package = _PACKAGE.fullmatch(first)
        if package is None:
            raise ValueError(f"{path.name}: {first!r} is not a locked package; run make lock")
        if package["marker"] and not Marker(package["marker"]).evaluate(dict(environment)):
            continue
        via = [match[1] for line in lines if (match := _VIA.fullmatch(line))]
        parents = {each for line in via for each in line.split(", ") if not each.startswith(("-r ", "-c "))}
        hashes = tuple(match[1] for line in lines if (match := _HASH.fullmatch(line)))
        yield Package(package["name"], package["version"], hashes, frozenset(parents))
