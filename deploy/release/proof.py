"""The first step of a release: it decides the newest transactions again, before any of its programs serves."""

import tempfile
from collections import Counter
from pathlib import Path

import msgspec

from deploy.release.errors import ReleaseRejectedError
from deploy.release.limits import Limits
from deploy.release.target import Target
from deploy.release.tracks import Track
from stream.replay.report import DecisionDifference


def prove(target: Target, track: Track, limits: Limits) -> str:
    """Decide the newest transactions again with a track's release, and compare with the decisions in Kafka.

    Args:
        target: Where the tracks run.
        track: Track whose release is run.
        limits: How far back to go, and the fields that may differ.

    Returns:
        A sentence on the differences for the log.

    Raises:
        ReleaseRejectedError: If a decision differs in a field that the release does not declare, or a transaction that
            was decided is rejected now.
        ReleaseError: If the replay could not run.
    """
    with tempfile.TemporaryDirectory(prefix="fraud-release-") as directory:
        out = Path(directory) / "differences.jsonl"
        target.replay(track, limits.replay_minutes, out)
        lines = out.read_bytes().splitlines() if out.exists() else []
    fields: Counter[str] = Counter()
    refused = 0
    for line in lines:
        difference = msgspec.json.decode(line, type=DecisionDifference)
        fields.update(difference.fields.keys())
        refused += difference.refused is not None
    undeclared = {name: n for name, n in fields.items() if name not in limits.declared_differences}
    if refused:
        raise ReleaseRejectedError(f"{refused} transactions that were decided are rejected now")
    if undeclared:
        found = ", ".join(f"{name} in {count}" for name, count in sorted(undeclared.items()))
        raise ReleaseRejectedError(
            f"{len(lines)} decisions differ ({found}); if that is the purpose of the release, declare these fields"
        )
    return f"{len(lines)} decisions differ, only in declared fields" if lines else "all decisions are the same"
