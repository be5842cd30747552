"""Scores of transactions that their model never saw: rolling-origin, each block by a model of the blocks before it."""

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

#: Blocks of equal length in event time.
BLOCKS = 8
#: Of the rows before a block, the last ones calibrate.
_CALIBRATION = 0.2


@dataclass(frozen=True)
class Contestant:
    """A model that takes part, as a study knows it."""

    name: str
    entry: Entry
    params: dict[str, Any]
    seed: int = 0


def cross_fitted(
    data: Dataset, contestants: Sequence[Contestant], on_step: Callable[[str], None]
) -> dict[str, NDArray[np.float64]]:
    """Return by contestant the calibrated scores (n,) of all rows.

    The first block has nothing before it: it is scored by a model of the second, so the gate may learn thresholds and
    bounds from it, and never tests on it.

    Args:
        data: In order of event time, exact repeats dropped.
        contestants: Fitted anew for each block.
        on_step: Told each fit.
    """
    features = make_features(DEFAULT, data)
    training_data = TrainingData(features, data.matrix(FeaturePlan(features, DEFAULT.missing)), data.label, ())
    edges = np.linspace(data.event_time_ms[0], data.event_time_ms[-1] + 1, BLOCKS + 1)
    ends = np.searchsorted(data.event_time_ms, edges)
    found = {each.name: np.empty(len(data)) for each in contestants}
    for block in range(BLOCKS):
        rows = slice(int(ends[block]), int(ends[block + 1]))
        before = slice(0, rows.start) if block else slice(int(ends[1]), int(ends[2]))
        for each in contestants:
            on_step(f"{each.name}: block {block + 1} of {BLOCKS}")
            found[each.name][rows] = _scores(each, training_data, before, rows)
    return found


def _scores(contestant: Contestant, training_data: TrainingData, before: slice, rows: slice) -> NDArray[np.float64]:
    matrix, labels = training_data.matrix, training_data.labels
    turn = before.stop - int((before.stop - before.start) * _CALIBRATION)
    model = fit(contestant.entry, contestant.params, training_data, slice(before.start, turn), contestant.seed).model
    calibration = fit_calibration(
        model.margin(matrix[turn : before.stop]), labels[turn : before.stop], model.margin_kind
    )
    return calibration.apply(model.margin(matrix[rows]))
