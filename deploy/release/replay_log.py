"""Reads what `fraud-stream replay --out /dev/stdout` printed in a pod."""

import re

import msgspec

from deploy.release.errors import ReleaseError, ReleaseRejectedError
from stream.replay.report import DecisionDifference, ReplayReport

#: The report: the only JSON object that spans lines.
_REPORT = re.compile(r"^\{$.*?^\}$", re.DOTALL | re.MULTILINE)


def differences(log: str) -> bytes:
    """Return the decisions that differ, one JSON object per line.

    Args:
        log: The pod's log: the differences, the report, and the program's own log lines between them.

    Raises:
        ReleaseRejectedError: If there is no report, because the replay failed.
        ReleaseError: If the log is not complete.
    """
    match = _REPORT.search(log)
    if match is None:
        raise ReleaseRejectedError(f"the replay failed: {log.strip().rpartition(chr(10))[2] or 'it printed nothing'}")
    report = msgspec.json.decode(match[0], type=ReplayReport)
    lines = [line for line in log[: match.start()].splitlines() if _is_difference(line)]
    expected = report.different + report.refused
    if len(lines) != expected:
        raise ReleaseError(
            f"{expected} decisions differ, but the pod's log has only {len(lines)} of them: Kubernetes keeps only the "
            "newest part of a long log; lower replay_minutes in the limits"
        )
    return "".join(f"{line}\n" for line in lines).encode()


def _is_difference(line: str) -> bool:
    try:
        msgspec.json.decode(line, type=DecisionDifference)
    except msgspec.DecodeError:
        return False
    return True
