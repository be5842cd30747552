"""Measure the drift of a file against a bundle's reference, with the code that monitors the live stream."""

from dataclasses import dataclass

from schemas.messages import DriftCounts, DriftReport
from stream.drift.alarm_rule import DriftLimits
from stream.drift.counts_merger import CountsMerger
from stream.scoring.model import ScoringModel
from training.data.dataset import Dataset
from training.drift.counting import accepted_rows, count_rows

_MS = 1000


@dataclass(frozen=True)
class FileDrift:
    """The drift of a file against a bundle's reference.

    Attributes:
        reports: Reports on the closed windows, oldest first, as on the topic `drift-reports`.
        rows: Number of rows counted.
        refused: Number of rows that the model rejects because of a missing value; these rows are not counted.
    """

    reports: tuple[DriftReport, ...]
    rows: int
    refused: int

    @property
    def left_over(self) -> int:
        """Number of rows at the end of the file that do not fill a window."""
        return self.rows - sum(report.rows for report in self.reports)


def measure_drift(rows: Dataset, model: ScoringModel, limits: DriftLimits) -> FileDrift:
    """Count the rows in order of event time and report on each window as it closes.

    Args:
        rows: n rows; labels are not used.
        model: Model whose bundle contains the reference.
        limits: Window size and limits.

    Raises:
        DataError: If a feature of the model is missing from the data, or is of a different kind in the data.
    """
    accepted = accepted_rows(rows, model.plan)
    merger = CountsMerger(lambda _: model.manifest, limits, _refused)
    messages = count_rows(accepted, model, window_rows=limits.window_rows, pane_ms=limits.pane_s * _MS)
    reports = [report for offset, counts in enumerate(messages) for report in merger.add(offset, counts)]
    return FileDrift(tuple(reports), len(accepted), len(rows) - len(accepted))


def _refused(counts: DriftCounts, reason: str) -> None:
    """Raise an error: counting and merging use the same bins, so no counts should ever be rejected."""
    raise RuntimeError(f"window counts {counts.sequence} of the file were rejected: {reason}")
