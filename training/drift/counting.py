"""Converts a file's rows into the drift counts that a worker would have sent, for the live code to merge."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from schemas.messages import DriftCounts
from stream.drift.binning import Binning
from stream.scoring.features import FeaturePlan
from stream.scoring.model import ScoringModel
from stream.scoring.policy import VERDICTS, severities
from training.data.dataset import Dataset

#: Value of `slot` and `instance` in the messages, which do not come from a worker.
OFFLINE = "offline"
_REVIEW, _DECLINE = VERDICTS.index("review"), VERDICTS.index("decline")


def accepted_rows(rows: Dataset, plan: FeaturePlan) -> Dataset:
    """Return the rows that the missing-value policy accepts; on the stream, other rows become dead letters."""
    if plan.missing != "refuse":
        return rows
    return rows.part(np.flatnonzero(plan.first_refused_null(rows.raw_features(plan)) < 0))


def count_rows(rows: Dataset, model: ScoringModel, *, window_rows: int, pane_ms: int) -> Iterator[DriftCounts]:
    """Count rows in order of event time, and yield a message whenever a pane or a window ends.

    A window that is closed by its row count therefore has exactly `window_rows` rows. Rows with event times
    in the future are counted like all other rows.

    Args:
        rows: n rows that the model accepts, in order of event time.
        model: Model that scores the rows; its bundle contains the bins and the policy.
        window_rows: Number of rows in a window; no message spans two windows.
        pane_ms: Length of a pane in milliseconds.

    Raises:
        DataError: If a feature of the model is missing from the data, or is of a different kind in the data.
    """
    binning = Binning(model.manifest)
    panes = rows.event_time_ms // pane_ms
    for sequence, part in enumerate(_slices(panes, window_rows), start=1):
        each = rows.part(part)
        # The model scores imputed values, whereas drift counts missing values as missing.
        given = each.raw_features(model.plan)
        scores = model.score(model.plan.fill_missing(given))
        features, score_counts = binning.split(binning.count(given, scores))
        severity = severities(scores, model.manifest.policy, each.amount_minor)
        verdicts = np.bincount(severity, minlength=len(VERDICTS))
        last_ms = int(each.event_time_ms[-1])
        yield DriftCounts(
            slot=OFFLINE,
            instance=OFFLINE,
            sequence=sequence,
            name=model.manifest.name,
            version=model.manifest.version,
            bundle_sha256=model.sha256,
            decides=True,
            pane_ms=int(panes[part.start]) * pane_ms,
            rows=len(each),
            features=features,
            scores=score_counts,
            reviews=int(verdicts[_REVIEW]),
            declines=int(verdicts[_DECLINE]),
            score_sum=float(scores.sum(dtype=np.float64)),
            alert_score_sum=float(scores[severity > 0].sum(dtype=np.float64)),
            event_times={0: last_ms},
            written_at_ms=last_ms,
        )


def _slices(panes: NDArray[np.int64], window_rows: int) -> Iterator[slice]:
    """Yield slices of the rows, cut wherever a pane or a window begins.

    >>> [(each.start, each.stop) for each in _slices(np.array([1, 1, 1, 2, 2]), 2)]
    [(0, 2), (2, 3), (3, 4), (4, 5)]
    """
    begins = np.union1d(np.flatnonzero(np.diff(panes)) + 1, np.arange(0, len(panes), window_rows))
    for start, stop in zip(begins.tolist(), [*begins[1:].tolist(), len(panes)], strict=True):
        yield slice(start, stop)
