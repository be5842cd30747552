"""Out-of-sample scores with a rolling origin: each block is scored by a model fitted on the blocks before it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.scoring.features import FeaturePlan
from training.data.dataset import Dataset
from training.data.featureset import DEFAULT, make_features
from training.data.training_data import TrainingData
from training.models.calibrate import fit_calibration
from training.study.fitting import fit
from training.study.plan import Entry

#: Number of blocks, of equal length in event time.
BLOCKS = 8
#: Share of the rows before a block that are used to calibrate the model: the latest rows.
_CALIBRATION = 0.2


@dataclass(frozen=True)
class Candidate:
    """A model in the experiment, described by a study's settings."""

    name: str
    entry: Entry
    params: dict[str, Any]
    seed: int = 0


def cross_fitted(
    data: Dataset, candidates: Sequence[Candidate], on_step: Callable[[str], None]
) -> dict[str, NDArray[np.float64]]:
    """Return the calibrated scores (n,) of all rows, for each candidate.

    The first block has no earlier blocks, so it is scored by a model fitted on the second block. The gate derives
    thresholds and bounds from the first block, but does not test on it.

    Args:
        data: Rows in order of event time, without exact repeats.
        candidates: Models to fit for each block.
        on_step: Called with a description of each fit, for a progress display.
    """
    features = make_features(DEFAULT, data)
    training_data = TrainingData(features, data.matrix(FeaturePlan(features, DEFAULT.missing)), data.label, ())
    edges = np.linspace(data.event_time_ms[0], data.event_time_ms[-1] + 1, BLOCKS + 1)
    ends = np.searchsorted(data.event_time_ms, edges)
    scores = {each.name: np.empty(len(data)) for each in candidates}
    for block in range(BLOCKS):
        rows = slice(int(ends[block]), int(ends[block + 1]))
        before = slice(0, rows.start) if block else slice(int(ends[1]), int(ends[2]))
        for each in candidates:
            on_step(f"{each.name}: block {block + 1} of {BLOCKS}")
            scores[each.name][rows] = _score_block(each, training_data, before, rows)
    return scores


def _score_block(candidate: Candidate, training_data: TrainingData, before: slice, rows: slice) -> NDArray[np.float64]:
    matrix, labels = training_data.matrix, training_data.labels
    fitted_until = before.stop - int((before.stop - before.start) * _CALIBRATION)
    model = fit(
        candidate.entry, candidate.params, training_data, slice(before.start, fitted_until), candidate.seed
    ).model
    calibration = fit_calibration(
        model.margin(matrix[fitted_until : before.stop]), labels[fitted_until : before.stop], model.margin_kind
    )
    return calibration.apply(model.margin(matrix[rows]))
