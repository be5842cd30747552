"""The findings of a drift report, as sentences."""

from collections.abc import Sequence

from stream.drift.alarm_rule import DriftLimits
from training.drift.history import ColumnHistory, worst_first
from training.drift.offline import FileDrift
from training.pages.elements import Finding

#: Number of windows or columns listed in one finding.
_LISTED = 8


def list_findings(drift: FileDrift, limits: DriftLimits, columns: Sequence[ColumnHistory]) -> list[Finding]:
    """Return the findings, the most severe first.

    Args:
        drift: Drift of the file.
        limits: Limits that were used to measure the drift.
        columns: History of each feature and of the score.
    """
    if not drift.reports:
        return [
            Finding(
                needs_action=True,
                text=f"No window is complete: the file has {drift.rows:,} transactions, but a window needs "
                f"{limits.window_rows:,}. Provide more transactions, or lower FRAUD_DRIFT_WINDOW_ROWS.",
            )
        ]
    findings = [Finding(needs_action=True, text=_on_column(column)) for column in worst_first(columns) if column.alarms]
    alarming = [n for n, r in enumerate(drift.reports, start=1) if r.alert_rate and r.alert_rate.state == "alarm"]
    if alarming:
        text = f"The alert rate differs from the reference in {_windows(alarming)}."
        findings.append(Finding(needs_action=True, text=text))
    if unknown := [column.name for column in columns if column.worst == "unknown"]:
        text = (
            f"Not judged: {_list(unknown)}. The bundle contains no reference for these columns, or no natural movement "
            "for windows this small."
        )
        findings.append(Finding(needs_action=False, text=text))
    return findings or [Finding(needs_action=False, text="No column has drifted, and the alert rate is as expected.")]


def _on_column(column: ColumnHistory) -> str:
    largest = max(window.psi or 0.0 for window in column.windows)
    windows = _windows(column.alarms)
    return f"{column.name} has drifted (worst state: {column.worst}) in {windows}, with a PSI of up to {largest:.2f}."


def _windows(numbers: Sequence[int]) -> str:
    return f"window{'s' * (len(numbers) > 1)} {_list([str(number) for number in numbers])}"


def _list(names: Sequence[str]) -> str:
    """Join the first names, and say how many more there are.

    >>> _list(["a", "b"]), _list([str(number) for number in range(10)])
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7 and 2 more')
    """
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
