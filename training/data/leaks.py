"""The leak alarm, which stops a run if a leak would make its metrics too good, unless the leak is accepted by name."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import LeakError
from training.data.dataset import Dataset
from training.data.single_feature import separating_precision
from training.data.split import Split

LeakName = Literal["resampled-before-split", "row-in-two-parts", "feature-too-good", "id-like", "pr-auc-too-good"]
LEAKS: tuple[LeakName, ...] = get_args(LeakName)

#: Card fraud is rare (0.17% of the ULB data); resampling raises the share to as much as a half.
MAX_FRAUD_SHARE = 0.2
#: 4% of the frauds in the ULB data equal an earlier row; oversampling repeats nearly all of them.
MAX_REPEATED_FRAUDS = 0.2
#: Largest share of frauds with fractions in a column of integers. SMOTE, which interpolates, exceeds this share.
MAX_INTERPOLATED_FRAUDS = 0.2
MAX_FEATURE_AVERAGE_PRECISION = 0.95
MAX_UNIQUE_SHARE = 0.99
MAX_PR_AUC = 0.97


@dataclass(frozen=True)
class Leak:
    """A detected leak."""

    name: LeakName
    #: Description of the leak in one line, without values from the data.
    details: str


class LeakAlarm:
    """Checks for leaks.

    Args:
        record: Callback that records each leak that was detected and accepted, to keep it with the metrics.
        accepted: Names of the leaks that do not stop the run.
    """

    def __init__(self, record: Callable[[Leak], None], accepted: Collection[LeakName] = ()) -> None:
        self._record = record
        self._accepted = frozenset(accepted)

    def check_split(self, split: Split) -> None:
        """Check for every kind of leak that can be detected before a model is fitted.

        Raises:
            LeakError: If there is a leak that is not accepted.
        """
        self._judge("resampled-before-split", resampled_before_split(split))
        self._judge("row-in-two-parts", row_in_two_parts(split))
        self._judge("feature-too-good", feature_too_good(split.train))
        self._judge("id-like", id_like(split.train))

    def check_pr_auc(self, pr_auc: float, where: str) -> None:
        """Raise an error if a model's PR-AUC is suspiciously high. Call this wherever a PR-AUC is measured.

        Args:
            pr_auc: PR-AUC in [0, 1].
            where: Rows on which the PR-AUC was measured, for the error.

        Raises:
            LeakError: If the PR-AUC is too good to be true and this leak is not accepted.
        """
        leak = f"PR-AUC is {pr_auc:.3f} on {where}, above {MAX_PR_AUC}" if pr_auc > MAX_PR_AUC else None
        self._judge("pr-auc-too-good", leak)

    def _judge(self, name: LeakName, details: str | None) -> None:
        if details is None:
            return
        if name not in self._accepted:
            raise LeakError(f"{name}: {details}; fix the data, or continue with --accept-leak {name}")
        self._record(Leak(name, details))


def resampled_before_split(split: Split) -> str | None:
    """Return evidence that frauds were duplicated or legitimate rows dropped before the split, or None.

    After such resampling, copies of a row are in several splits, and no split has the natural share of frauds.
    """
    parts = (split.train, split.validation, split.test)
    fraud = np.concatenate([part.label for part in parts]) == 1
    if fraud.mean() > MAX_FRAUD_SHARE:
        return f"{fraud.mean():.0%} of all rows are frauds, as after resampling; use the data as they were recorded"
    repeated = np.concatenate([part.repeat for part in parts])[fraud].mean()
    if repeated > MAX_REPEATED_FRAUDS:
        return f"{repeated:.0%} of the frauds equal an earlier row in every column, as after oversampling"
    seconds = pl.Series("the time", np.concatenate([part.event_time_ms for part in parts]) / 1000)
    for column in (seconds, *pl.concat([part.frame for part in parts], rechunk=False)):
        if column.dtype.is_float() and _interpolated_share(column, fraud) > MAX_INTERPOLATED_FRAUDS:
            return f"{column.name} is an integer in every legitimate row but not in frauds, as after SMOTE"
    return None


def row_in_two_parts(split: Split) -> str | None:
    """Return a message that names two splits with equal rows (in every column except the id), or None."""
    for (one, of_one), (other, of_other) in combinations(vars(split).items(), 2):
        if count := int(np.isin(of_other.fingerprint, of_one.fingerprint).sum()):
            return f"{count} rows in the {other} split are identical to a row in the {one} split"
    return None


def feature_too_good(train: Dataset) -> str | None:
    """Return a message that names the features that separate frauds nearly perfectly on their own, or None.

    The values of such a feature are usually known only after a fraud has been discovered.
    """
    amount = pl.Series(train.description.amount.column, train.amount_minor)
    too_good = [
        f"{column.name} alone has average precision {average_precision:.3f}"
        for column in (amount, *train.frame)
        if (average_precision := separating_precision(column, train.label, MAX_FEATURE_AVERAGE_PRECISION)) is not None
    ]
    return ", ".join(too_good) or None


def id_like(train: Dataset) -> str | None:
    """Return a message that names the features with a different value in nearly every row, or None.

    A model would memorise such values.
    """
    names = [column.name for column in train.frame if _unique_share(column) > MAX_UNIQUE_SHARE]
    return f"{', '.join(names)} has a different value in nearly every row, like an id" if names else None


def _interpolated_share(column: pl.Series, fraud: NDArray[np.bool_]) -> float:
    """Return the share of frauds whose values are not integers; 0 if some legitimate values are not integers either."""
    integer = column == column.round()
    of_frauds, of_others = integer.filter(fraud).drop_nulls(), integer.filter(~fraud).drop_nulls()
    if of_frauds.is_empty() or of_others.is_empty() or not of_others.all():
        return 0.0
    return float((~of_frauds).to_numpy().mean())


def _unique_share(column: pl.Series) -> float:
    """Return the number of distinct values divided by the number of values; 0 for fractions, most of which differ."""
    present = column.drop_nulls()
    if present.is_empty() or (present.dtype.is_float() and not (present == present.round()).all()):
        return 0.0
    return present.n_unique() / len(present)
