"""What is known of one finished entry, as it is kept with its MLflow run."""

from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from training.models.resampling import Resampling

#: In a stack's params: its members.
MEMBERS = "members"


class EntryRecord(Struct, frozen=True):
    """One row of the leaderboard. Figures are of rolling-origin folds inside the training part, never of the test."""

    family: str
    treatment: Resampling
    legitimate_share: float
    #: All of them, as the family was fitted with; a stack's name its members.
    params: dict[str, Any]
    #: PR-AUC by seed, then by fold.
    pr_auc: tuple[tuple[float, ...], ...]
    #: Wall time in the process that finished it, search included.
    seconds: float
    #: Scoring one row in a batch on one core, in microseconds.
    cost_us: float
    #: Rows the last fold was fitted on, after subsampling and treatment.
    fit_rows: int
    #: Trials that ended, pruned ones among them; 0 where nothing was searched.
    trials: int = 0
    pruned: int = 0
    #: The budget ended the search before all planned trials had run.
    cut_short: bool = False

    @property
    def key(self) -> str:
        """Name of the entry within the study."""
        return f"{self.family}/{self.treatment}"

    @property
    def by_fold(self) -> NDArray[np.float64]:
        """(folds,) PR-AUC, the mean over seeds."""
        mean: NDArray[np.float64] = np.array(self.pr_auc, dtype=np.float64).mean(axis=0)
        return mean

    @property
    def mean(self) -> float:
        """Mean PR-AUC over folds and seeds."""
        return float(self.by_fold.mean())

    @property
    def standard_error(self) -> float:
        """Of `mean`, over the folds: their sample deviation divided by √folds."""
        return standard_error(self.by_fold)


def standard_error(values: NDArray[np.float64]) -> float:
    """Return the standard error of the mean of values (k,), k ≥ 2.

    >>> round(standard_error(np.array([1.0, 2.0, 3.0, 4.0])), 4)
    0.6455
    """
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def encode_record(record: EntryRecord) -> str:
    """Write a record as JSON."""
    return msgspec.json.encode(record).decode()


def decode_record(text: str) -> EntryRecord:
    """Read a record."""
    return msgspec.json.decode(text, type=EntryRecord)
