"""One fit of an entry: subsample legitimate rows, treat the class imbalance inside the fold, then fit the family."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.manifest import Feature
from training.data.training_data import TrainingData
from training.models.families import FAMILIES
from training.models.fitted import FittedModel, Params
from training.models.resampling import resample_rows, subsample_negatives
from training.models.stack import ALGORITHM as STACK
from training.models.stack import fit_stack
from training.study.entry_record import MEMBERS, EntryRecord
from training.study.plan import Entry

#: Share of a stack's rows, the earliest first, on which its members are fitted. The stack learns its weights from
#: the members' margins on the remaining, later rows.
_MEMBERS_UNTIL = 0.6
#: Entries run in parallel, so each is limited to one thread.
_ONE_THREAD: dict[str, Params] = {
    "random-forest": {"n_jobs": 1},
    "extra-trees": {"n_jobs": 1},
    "xgboost": {"n_jobs": 1},
    "lightgbm": {"num_threads": 1},
}


@dataclass(frozen=True)
class FitResult:
    """A fitted model and the number of rows that it was fitted on."""

    model: FittedModel
    rows: int


def fit(entry: Entry, params: Params, training_data: TrainingData, rows: slice, seed: int) -> FitResult:
    """Fit an entry on selected rows of the training split.

    Args:
        entry: Family, treatment and share of legitimate rows.
        params: All hyperparameters of the family; for a stack, the result of `stack_params`.
        training_data: Training split.
        rows: Rows of the training split to fit on.
        seed: Seed of subsampling, treatment and model.
    """
    if entry.family == STACK:
        return _fit_stack(entry, params, training_data, rows, seed)
    matrix, labels = training_data.matrix[rows], training_data.labels[rows]
    if entry.legitimate_share < 1:
        matrix, labels, _ = subsample_negatives(matrix, labels, share=entry.legitimate_share, seed=seed)
    treated = resample_rows(entry.treatment, matrix, labels, features=training_data.features, seed=seed)
    model = FAMILIES[entry.family].fit(
        params | _ONE_THREAD.get(entry.family, {}),
        treated.matrix,
        treated.labels,
        features=training_data.features,
        seed=seed,
        sample_weight=treated.sample_weight,
    )
    return FitResult(model, len(treated.labels))


def stack_params(members: Sequence[EntryRecord]) -> Params:
    """Return the hyperparameters of a stack that combines these entries."""
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


def _fit_stack(entry: Entry, params: Params, training_data: TrainingData, rows: slice, seed: int) -> FitResult:
    members = [_member(member) for member in params[MEMBERS]]
    start, stop, _ = rows.indices(len(training_data.labels))
    middle = start + int((stop - start) * _MEMBERS_UNTIL)
    early = [
        fit(member, member_params, training_data, slice(start, middle), seed).model for member, member_params in members
    ]
    later = subsample_negatives(
        training_data.matrix[middle:stop], training_data.labels[middle:stop], share=entry.legitimate_share, seed=seed
    )
    margins = np.column_stack([model.margin(later.matrix) for model in early])
    # The treatment resamples the members' margins as if they were features.
    columns = [Feature(f"member-{i}", 0.0) for i in range(len(members))]
    treated = resample_rows(entry.treatment, margins.astype(np.float32), later.labels, features=columns, seed=seed)
    final_members = [fit(member, member_params, training_data, rows, seed) for member, member_params in members]
    stack = fit_stack(
        [member.model for member in final_members],
        treated.matrix.astype(np.float64),
        treated.labels,
        seed=seed,
        sample_weight=treated.sample_weight,
    )
    return FitResult(stack, max(member.rows for member in final_members))


def _member(member: dict[str, Any]) -> tuple[Entry, Params]:
    entry = Entry(member["family"], member["treatment"], 0, member["legitimate_share"])
    return entry, member["params"]
