"""Kingfisher on the files and the Git history: a secret that was committed once stays readable for ever."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from deploy.security.findings import Finding
from deploy.security.programs import run

#: Folders that are not part of the repository.
NOT_OURS = (".venv*", "var", "__pycache__", ".cache", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")
_FOUND = 200


def secrets(root: Path) -> Iterator[Finding]:
    """Yield the secrets in a folder and, if it is a Git repository, in its history.

    The subject is the start of the secret's SHA-256, so that no report repeats the secret, and an exception holds for
    this secret wherever it occurs, and for no other.
    """
    # Without these options, Kingfisher would try the secrets it finds against the services they belong to, and ask for
    # a newer version of itself.
    offline = ("--no-validate", "--no-update-check")
    # Compiling the rules takes seconds.
    cache = ("--rule-cache-dir", root / "var" / "kingfisher")
    excluded = (word for pattern in NOT_OURS for word in ("--exclude", pattern))
    output = run(
        "kingfisher", "scan", ".", "--quiet", "--format", "jsonl", *offline, *cache, *excluded,
        folder=root, accepted=(0, _FOUND),
    )  # fmt: skip
    for line in output.splitlines():
        entry = json.loads(line)
        if "rule" in entry:
            found, rule = entry["finding"], entry["rule"]
            commit = found.get("git_metadata", {}).get("commit", {}).get("id", "")
            where = f"{found['path'].removeprefix('./')}, line {found['line']}"
            where += f", in commit {commit[:12]}" if commit else ""
            yield Finding(rule["id"], _digest(found["snippet"]), f"{where}: {rule['description']}")


def _digest(secret: str) -> str:
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()[:16]}"
