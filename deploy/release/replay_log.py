"""Reads what `fraud-stream replay --out /dev/stdout` printed, for example in a pod."""

import re
from typing import NamedTuple

import msgspec

from deploy.release.errors import ReleaseError, ReleaseRejectedError
from stream.replay.report import DecisionDifference, ReplayReport

#: The report: the only JSON object that spans lines.
_REPORT = re.compile(r"^\{$.*?^\}$", re.DOTALL | re.MULTILINE)


class Replayed(NamedTuple):
    """The result of a replay."""

    report: ReplayReport
    differences: list[DecisionDifference]


def read_replay(log: str) -> Replayed:
    """Return the result of a replay.

    Args:
        log: The decisions that differ, the report, and the program's own log lines between them.

    Raises:
        ReleaseRejectedError: If there is no report, because the replay failed.
        ReleaseError: If the log is not complete.
    """
    match = _REPORT.search(log)
    if match is None:
        raise ReleaseRejectedError(f"the replay failed: {log.strip().rpartition(chr(10))[2] or 'it printed nothing'}")
    report = msgspec.json.decode(match[0], type=ReplayReport)
    lines = [_difference(line) for line in log[: match.start()].splitlines()]
    found = [each for each in lines if each is not None]
    expected = report.different + report.refused
    if len(found) != expected:
        raise ReleaseError(
            f"{expected} decisions differ, but the replay's log has only {len(found)} of them: Kubernetes keeps only "
            "the newest part of a long log; lower replay_minutes in the limits"
        )
    return Replayed(report, found)


def _difference(line: str) -> DecisionDifference | None:
    try:
        return msgspec.json.decode(line, type=DecisionDifference)
    except msgspec.DecodeError:
        return None
