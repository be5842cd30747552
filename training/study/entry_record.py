"""The result of a finished entry, as it is stored with its MLflow run."""

from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from training.models.resampling import Resampling

#: Key in a stack's params that lists its members.
MEMBERS = "members"


class EntryRecord(Struct, frozen=True):
    """One row in the leaderboard. Its metrics come from folds inside the training split, never from the test set.

    Attributes:
        family: Model family.
        treatment: Treatment of class imbalance.
        legitimate_share: Share of the legitimate rows that the entry was fitted on, in (0, 1].
        params: All hyperparameters of the family; for a stack, they list its members.
        pr_auc: PR-AUC by seed, then by fold.
        seconds: Wall time spent in the process that finished the entry, search included.
        cost_us: Time to score one row of a batch on one core, in microseconds.
        fit_rows: Number of rows that the last fold was fitted on, after subsampling and treatment.
        trials: Number of completed and pruned trials; 0 without a search.
        pruned: Number of pruned trials.
        cut_short: Whether the budget ended the search before all planned trials.
    """

    family: str
    treatment: Resampling
    legitimate_share: float
    params: dict[str, Any]
    pr_auc: tuple[tuple[float, ...], ...]
    seconds: float
    cost_us: float
    fit_rows: int
    trials: int = 0
    pruned: int = 0
    cut_short: bool = False

    @property
    def key(self) -> str:
        """Name of the entry within the study."""
        return f"{self.family}/{self.treatment}"

    @property
    def by_fold(self) -> NDArray[np.float64]:
        """PR-AUC by fold (folds,), averaged over seeds."""
        mean: NDArray[np.float64] = np.array(self.pr_auc, dtype=np.float64).mean(axis=0)
        return mean

    @property
    def mean(self) -> float:
        """Mean PR-AUC over folds and seeds."""
        return float(self.by_fold.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of `mean` over the folds: their sample standard deviation divided by √folds."""
        return standard_error(self.by_fold)


def standard_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of the mean of values (k,), k ≥ 2.

    >>> round(standard_error(np.array([1.0, 2.0, 3.0, 4.0])), 4)
    0.6455
    """
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def encode_record(record: EntryRecord) -> str:
    """Encode a record as JSON."""
    return msgspec.json.encode(record).decode()


def decode_record(text: str) -> EntryRecord:
    """Decode a record from JSON."""
    return msgspec.json.decode(text, type=EntryRecord)
