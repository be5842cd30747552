"""A file held against a bundle by the stream's own counting, windows and rule."""

from dataclasses import dataclass

from schemas.messages import DriftCounts, DriftReport
from stream.drift.alarm_rule import DriftLimits
from stream.drift.counts_merger import CountsMerger
from stream.scoring.model import ScoringModel
from training.data.dataset import Dataset
from training.drift.counting import accepted, count

_MS = 1000


@dataclass(frozen=True)
class Looked:
    """What a file shows beside a bundle."""

    #: Of the closed windows, oldest first, as they would stand on `drift-reports`.
    reports: tuple[DriftReport, ...]
    #: That were counted.
    rows: int
    #: Rows that the model refuses for a missing value.
    refused: int

    @property
    def left(self) -> int:
        """Rows at the end that fill no window."""
        return self.rows - sum(report.rows for report in self.reports)


def look(rows: Dataset, model: ScoringModel, limits: DriftLimits) -> Looked:
    """Count the rows in order of event time, close windows, judge them.

    Raises:
        DataError: If the data lack a feature of the model, or have it as another kind.
    """
    kept = accepted(rows, model.plan)
    merger = CountsMerger(lambda _: model.manifest, limits, _refused)
    messages = count(kept, model, window_rows=limits.window_rows, pane_ms=limits.pane_s * _MS)
    reports = [report for offset, counts in enumerate(messages) for report in merger.add(offset, counts)]
    return Looked(tuple(reports), len(kept), len(rows) - len(kept))


def _refused(counts: DriftCounts, why: str) -> None:
    """Counted by the very bins that they are merged by: never called."""
    raise RuntimeError(f"counts {counts.sequence} of a file were refused: {why}")
