"""The first step of a release: it decides the newest transactions again, before any of its programs serves."""

from collections import Counter

from deploy.release.errors import ReleaseRejectedError
from deploy.release.limits import Limits
from deploy.release.replay_log import read_replay
from deploy.release.target import Target
from deploy.release.tracks import Track


def prove(target: Target, track: Track, limits: Limits) -> str:
    """Decide the newest transactions again with a track's release, and compare with the decisions in Kafka.

    Args:
        target: Where the tracks run.
        track: Track whose release is run.
        limits: How far back to go, and the fields that may differ.

    Returns:
        A sentence on the differences for the log.

    Raises:
        ReleaseRejectedError: If a decision differs in a field that the release does not declare, a transaction that was
            decided is rejected now, or there are too few decisions to compare.
        ReleaseError: If the replay could not run.
    """
    report, differences = read_replay(target.replay(track, limits.replay_minutes))
    compared = report.same + report.different + report.refused
    if compared < limits.min_replayed:
        raise ReleaseRejectedError(
            f"only {compared:,} decisions could be made again (limit {limits.min_replayed:,}); raise replay_minutes, "
            "or lower min_replayed where there is little traffic"
        )
    fields = Counter(name for each in differences for name in each.fields)
    undeclared = {name: n for name, n in fields.items() if name not in limits.declared_differences}
    if report.refused:
        raise ReleaseRejectedError(f"{report.refused} transactions that were decided are rejected now")
    if undeclared:
        found = ", ".join(f"{name} in {count}" for name, count in sorted(undeclared.items()))
        raise ReleaseRejectedError(
            f"{len(differences):,} of {compared:,} decisions differ ({found}); if that is the purpose of the release, "
            "declare these fields"
        )
    if differences:
        return f"{len(differences):,} of {compared:,} decisions differ, only in declared fields"
    return f"all {compared:,} decisions are the same"
