"""Licences of the packages that users install, by an allow list."""

import json
import re
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path

from deploy.security.findings import Finding
from deploy.security.locks import locked
from deploy.security.programs import run

#: Licences that need no further thought.
ALLOWED = Path(__file__).with_name("licences.toml")
#: Lock files of the images, and of everything that `pip install` brings with all extras but dev.
LOCKS = ("serving.txt", "training.txt", "demo.txt")


def licence_findings(root: Path) -> Iterator[Finding]:
    """Yield the packages under a licence that is not allowed.

    The licence is what the installed package states in .venv, whose lock file has every package of LOCKS.
    """
    allowed = tomllib.loads(ALLOWED.read_text("utf-8"))["allowed"]
    names = {package.name for lock in LOCKS for package in locked(root / "requirements" / lock, {})}
    yield from refused(names, installed_licences(root / ".venv" / "bin" / "python"), allowed)


def installed_licences(python: Path) -> dict[str, str]:
    """Return the licence that each package installed for a Python interpreter states, by normalised name."""
    # In the words of the licence expression if there is one, else of the classifiers or the text field.
    options = ("--python", python, "--from", "mixed", "--with-system", "--format", "json")
    entries = json.loads(run("pip-licenses", *options, folder=Path(__file__).parent))
    return {re.sub(r"[-_.]+", "-", entry["Name"]).lower(): entry["License"] for entry in entries}


def refused(names: Collection[str], licences: dict[str, str], allowed: Collection[str]) -> Iterator[Finding]:
    """Yield a finding for each package whose licence is not allowed or not known.

    Args:
        names: Names of the packages.
        licences: Stated licence by name.
        allowed: Allowed licences, as packages state them.
    """
    for name in sorted(names):
        stated = licences.get(name)
        if stated is None:
            yield Finding("not-installed", name, "its licence is unknown; run make security, which installs it")
        elif not is_allowed(stated, allowed):
            yield Finding(stated, name, "this licence is not in licences.toml")


def is_allowed(stated: str, allowed: Collection[str]) -> bool:
    """Return whether a stated licence is allowed: of alternatives, one must be; of several that all hold, each.

    >>> is_allowed("MIT OR GPL-3.0-only", ["MIT"]), is_allowed("MIT AND GPL-3.0-only", ["MIT"])
    (True, False)
    >>> is_allowed("MIT License; Apache Software License", ["MIT License"])
    False

    Parentheses are not understood, so such a licence is not allowed and needs an exception.
    """
    return any(
        all(part.strip() in allowed for part in re.split(r" AND |;", alternative))
        for alternative in stated.split(" OR ")
    )
