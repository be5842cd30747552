"""Check that the newest transactions look like the candidate's drift reference, by the rule of the live monitor."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.manifest import Manifest
from schemas.messages import DriftState
from stream.drift.alarm_rule import DriftLimits
from training.drift.history import ColumnHistory, column_histories, worst_first
from training.drift.offline import FileDrift
from training.validation.check import CheckResult, CheckTable, judged, not_checked
from training.validation.thresholds import ReferenceDriftLimits

#: Number of columns that a text lists.
_LISTED = 5
#: States that are as severe as an alarm, and as a page.
_AT_LEAST: Mapping[DriftState, frozenset[DriftState]] = {
    "alarm": frozenset({"alarm", "page"}),
    "page": frozenset({"page"}),
}
_HEAD = ("column", "state in the newest window", "champion's state", "PSI", "PSI limit", "KS/JS", "KS/JS limit")


@dataclass(frozen=True)
class ReferenceDrift:
    """How far the newest transactions are from the reference of one model.

    Attributes:
        manifest: Manifest of the model's bundle.
        drift: Drift of the transactions that the model accepts.
        rejected: Share of the transactions that the model rejects, in [0, 1].
    """

    manifest: Manifest
    drift: FileDrift
    rejected: float


def check_drift(
    candidate: ReferenceDrift, champion: ReferenceDrift | None, live: DriftLimits, limits: ReferenceDriftLimits
) -> CheckResult:
    """Judge the newest window as the drift monitor would if the candidate were deployed today.

    Args:
        candidate: Drift from the candidate's reference.
        champion: Drift from the champion's reference; None without a champion.
        live: Limits of the drift monitor.
        limits: Limits of the check.
    """
    problems = _rejections(candidate, champion, limits)
    figures = {"rejected_share": candidate.rejected, "windows": len(candidate.drift.reports)}
    columns = column_histories(candidate.drift.reports, candidate.manifest)
    judgeable = [column for column in columns if column.windows and column.windows[-1].state != "unknown"]
    if not judgeable:
        return judged("drift", problems, "", figures) if problems else not_checked("drift", _why_not(candidate, live))
    bad = _AT_LEAST[limits.fails_at]
    drifted = [column for column in worst_first(columns) if column.windows[-1].state in bad]
    states = _states(champion)
    excused = [
        column
        for column in drifted
        if limits.excuse_if_champion_drifted and states.get(column.name) in _AT_LEAST[column.windows[-1].state]
    ]
    if failed := [column for column in drifted if column not in excused]:
        problems.append(
            f"the newest transactions have drifted from the bundle's reference in {_names(failed)}; train on newer "
            "transactions"
        )
    text = f"{len(judgeable) - len(drifted)} of {len(columns)} columns look like the reference"
    if excused:
        text += f"; {_names(excused)} drifted, as far as from the champion's reference"
    figures |= {"columns": len(columns), "drifted": len(drifted), "excused": len(excused)}
    # The sort is stable: columns in the same state remain in the order of how far they drifted.
    listed = sorted(worst_first(columns), key=lambda column: column.windows[-1].state not in bad)
    table = CheckTable(_HEAD, tuple(_row(column, states) for column in listed), text_columns=3)
    return judged("drift", problems, text, figures, table)


def _rejections(candidate: ReferenceDrift, champion: ReferenceDrift | None, limits: ReferenceDriftLimits) -> list[str]:
    """Return the problem if the candidate would turn transactions into dead letters that the champion accepts."""
    by_champion = champion.rejected if champion else 0.0
    if candidate.rejected - by_champion <= limits.max_rejected_share:
        return []
    text = f"the model would reject {candidate.rejected:.1%} of the newest transactions"
    return [f"{text}; the champion rejects {by_champion:.1%}" if champion else text]


def _why_not(candidate: ReferenceDrift, live: DriftLimits) -> str:
    if candidate.drift.reports:
        return "the bundle has no natural movement for windows of this size"
    return (
        f"the archive has {candidate.drift.rows:,} transactions for this model, but a window needs "
        f"{live.window_rows:,} (FRAUD_DRIFT_WINDOW_ROWS) and {live.window_s:g} s of event time"
    )


def _states(champion: ReferenceDrift | None) -> dict[str, DriftState]:
    """Return the state of each column of the champion in the newest window."""
    if champion is None or not champion.drift.reports:
        return {}
    histories = column_histories(champion.drift.reports, champion.manifest)
    return {column.name: column.windows[-1].state for column in histories}


def _names(columns: list[ColumnHistory]) -> str:
    """List the first columns with their PSI, and the number of the others."""
    listed = ", ".join(f"{column.name} (PSI {column.windows[-1].psi or 0:.2f})" for column in columns[:_LISTED])
    return listed + (f" and {len(columns) - _LISTED} more" if len(columns) > _LISTED else "")


def _row(column: ColumnHistory, champion: Mapping[str, DriftState]) -> tuple[str, ...]:
    newest = column.windows[-1]
    numbers = (newest.psi, newest.psi_limit, newest.distance, newest.distance_limit)
    shown = ("-" if each is None else f"{each:.3f}" for each in numbers)
    return (column.name, newest.state, champion.get(column.name, "-"), *shown)
