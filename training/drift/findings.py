"""What a drift report says in words."""

from collections.abc import Sequence

from stream.drift.alarm_rule import DriftLimits
from training.drift.history import ColumnHistory, worst_first
from training.drift.offline import Looked

#: Windows or columns that a finding names.
_NAMED = 8


def find(looked: Looked, limits: DriftLimits, columns: Sequence[ColumnHistory]) -> list[tuple[str, str]]:
    """Return sentences, the worst first, each with "act" or "note".

    Args:
        looked: At the file.
        limits: By which it was judged.
        columns: Of all windows, the score's too.
    """
    if not looked.reports:
        needed = f"a window needs {limits.window_rows:,}: give more, or set FRAUD_DRIFT_WINDOW_ROWS."
        return [(f"No window is full. {looked.rows:,} transactions were counted, {needed}", "act")]
    found = [(_moved(column), "act") for column in worst_first(columns) if column.alarms]
    alerting = [n for n, r in enumerate(looked.reports, start=1) if r.alert_rate and r.alert_rate.state == "alarm"]
    if alerting:
        found.append((f"Alert rate: alarm in {_windows(alerting)}.", "act"))
    if unknown := [column.name for column in columns if column.worst == "unknown"]:
        why = "the bundle has no reference, or no natural movement of windows this small."
        found.append((f"Nothing to judge by for {_some(unknown)}: {why}", "note"))
    return found or [("Nothing alarms.", "note")]


def _moved(column: ColumnHistory) -> str:
    furthest = max(window.psi or 0.0 for window in column.windows)
    return f"{column.name}: {column.worst} in {_windows(column.alarms)}; PSI up to {furthest:.2f}."


def _windows(numbers: Sequence[int]) -> str:
    return f"window{'s' * (len(numbers) > 1)} {_some([str(number) for number in numbers])}"


def _some(names: Sequence[str]) -> str:
    """Name some of many.

    >>> _some(["a", "b"]), _some([str(number) for number in range(10)])
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7 and 2 more')
    """
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
