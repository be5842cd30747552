"""One fit of an entry: legitimate rows subsampled, the treatment inside the fold, then the family."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.manifest import Feature
from training.data.training_data import TrainingData
from training.models.families import FAMILIES
from training.models.fitted import FittedModel, Params
from training.models.resampling import subsample_negatives, resample_rows
from training.models.stack import ALGORITHM as STACK
from training.models.stack import fit_stack
from training.study.plan import Entry
from training.study.entry_record import MEMBERS, EntryRecord

#: Of a stack's rows: members fitted on the part before give the margins for the rest, from which the stack learns how
#: far to trust each. In time order, as everywhere.
_MEMBERS_UNTIL = 0.6
#: Entries run side by side, each on one thread, so none may take all cores for itself.
_ONE_THREAD: dict[str, Params] = {
    "random-forest": {"n_jobs": 1},
    "extra-trees": {"n_jobs": 1},
    "xgboost": {"n_jobs": 1},
    "lightgbm": {"num_threads": 1},
}


@dataclass(frozen=True)
class Fit:
    """A fitted model and how many rows it was fitted on."""

    model: FittedModel
    rows: int


def fit(entry: Entry, params: Params, training_data: TrainingData, rows: slice, seed: int) -> Fit:
    """Fit on the given rows of the training part.

    Args:
        entry: Family, treatment and share of legitimate rows.
        params: All of the family's; for a stack its members, as `stack_params` makes them.
        training_data: The training part.
        rows: Of it.
        seed: Of subsampling, treatment and model.
    """
    if entry.family == STACK:
        return _fit_stack(entry, params, training_data, rows, seed)
    matrix, labels = training_data.matrix[rows], training_data.labels[rows]
    if entry.legitimate_share < 1:
        matrix, labels, _ = subsample_negatives(matrix, labels, share=entry.legitimate_share, seed=seed)
    given = resample_rows(entry.treatment, matrix, labels, features=training_data.features, seed=seed)
    model = FAMILIES[entry.family].fit(
        params | _ONE_THREAD.get(entry.family, {}),
        given.matrix,
        given.labels,
        features=training_data.features,
        seed=seed,
        sample_weight=given.sample_weight,
    )
    return Fit(model, len(given.labels))


def stack_params(members: Sequence[EntryRecord]) -> Params:
    """Return the params of a stack of these entries."""
    return {
        MEMBERS: [
            {
                "family": member.family,
                "treatment": member.treatment,
                "legitimate_share": member.legitimate_share,
                "params": member.params,
            }
            for member in members
        ]
    }


def _fit_stack(entry: Entry, params: Params, training_data: TrainingData, rows: slice, seed: int) -> Fit:
    members = [_member(described) for described in params[MEMBERS]]
    start, stop, _ = rows.indices(len(training_data.labels))
    middle = start + int((stop - start) * _MEMBERS_UNTIL)
    early = [fit(member, own, training_data, slice(start, middle), seed).model for member, own in members]
    later = subsample_negatives(
        training_data.matrix[middle:stop], training_data.labels[middle:stop], share=entry.legitimate_share, seed=seed
    )
    margins = np.column_stack([model.margin(later.matrix) for model in early])
    # To the treatment, the members' margins are what features are to a model.
    columns = [Feature(f"member-{i}", 0.0) for i in range(len(members))]
    given = resample_rows(entry.treatment, margins.astype(np.float32), later.labels, features=columns, seed=seed)
    whole = [fit(member, own, training_data, rows, seed) for member, own in members]
    stack = fit_stack(
        [member.model for member in whole],
        given.matrix.astype(np.float64),
        given.labels,
        seed=seed,
        sample_weight=given.sample_weight,
    )
    return Fit(stack, max(member.rows for member in whole))


def _member(described: dict[str, Any]) -> tuple[Entry, Params]:
    entry = Entry(described["family"], described["treatment"], 0, described["legitimate_share"])
    return entry, described["params"]
