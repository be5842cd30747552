"""The leak alarm: what makes offline figures too good to be true stops the run, unless it is accepted by name."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.errors import LeakError
from training.data.dataset import Dataset
from training.data.single_feature import tells_frauds
from training.data.split import Split

LeakName = Literal["resampled-before-split", "row-in-two-parts", "feature-too-good", "id-like", "pr-auc-too-good"]
LEAKS: tuple[LeakName, ...] = get_args(LeakName)

#: Card fraud is rare (0.17 % of the ULB data); half and half is what resampling makes.
MAX_FRAUD_SHARE = 0.2
#: 4 % of the ULB data's frauds equal an earlier row; oversampling repeats nearly all of them.
MAX_REPEATED_FRAUDS = 0.2
#: Of frauds, between whole numbers where all legitimate rows have whole ones: made by interpolation, as SMOTE does.
MAX_INTERPOLATED_FRAUDS = 0.2
MAX_FEATURE_AVERAGE_PRECISION = 0.95
MAX_UNIQUE_SHARE = 0.99
MAX_PR_AUC = 0.97


@dataclass(frozen=True)
class Leak:
    """A leak that was found."""

    name: LeakName
    #: What was seen, in one line, without values of the data.
    what: str


class LeakAlarm:
    """Runs the checks.

    Args:
        record: Told of each leak that was found and accepted, so that it stands beside the figures.
        accepted: Leaks that do not stop the run.
    """

    def __init__(self, record: Callable[[Leak], None], accepted: Collection[LeakName] = ()) -> None:
        self._record = record
        self._accepted = frozenset(accepted)

    def check_split(self, split: Split) -> None:
        """Look for everything that can be seen before a model is fitted.

        Raises:
            LeakError: At the first leak that is not accepted.
        """
        self._judge("resampled-before-split", resampled_before_split(split))
        self._judge("row-in-two-parts", row_in_two_parts(split))
        self._judge("feature-too-good", feature_too_good(split.train))
        self._judge("id-like", id_like(split.train))

    def check_pr_auc(self, pr_auc: float, where: str) -> None:
        """Hold a model's PR-AUC against the limit, wherever one is measured.

        Args:
            pr_auc: In [0, 1].
            where: On which rows, for the error's text.

        Raises:
            LeakError: If it is too good and that is not accepted.
        """
        found = f"PR-AUC is {pr_auc:.3f} on {where}, above {MAX_PR_AUC}" if pr_auc > MAX_PR_AUC else None
        self._judge("pr-auc-too-good", found)

    def _judge(self, name: LeakName, what: str | None) -> None:
        if what is None:
            return
        if name not in self._accepted:
            raise LeakError(f"{name}: {what}; mend the data, or go on with --accept-leak {name}")
        self._record(Leak(name, what))


def resampled_before_split(split: Split) -> str | None:
    """Say how the data show that frauds were multiplied or legitimate rows dropped before the split.

    Resampled rows of one origin then stand in several parts, and no part has the natural share of frauds.
    """
    parts = (split.train, split.validation, split.test)
    fraud = np.concatenate([part.label for part in parts]) == 1
    if fraud.mean() > MAX_FRAUD_SHARE:
        return f"{fraud.mean():.0%} of all rows are frauds, as after resampling; give the data as they happened"
    repeated = np.concatenate([part.repeat for part in parts])[fraud].mean()
    if repeated > MAX_REPEATED_FRAUDS:
        return f"{repeated:.0%} of the frauds equal an earlier row in every column, as after oversampling"
    seconds = pl.Series("the time", np.concatenate([part.event_time_ms for part in parts]) / 1000)
    for column in (seconds, *pl.concat([part.frame for part in parts], rechunk=False)):
        if column.dtype.is_float() and _interpolated(column, fraud) > MAX_INTERPOLATED_FRAUDS:
            return f"{column.name} is whole in every legitimate row but not in frauds, as after SMOTE"
    return None


def row_in_two_parts(split: Split) -> str | None:
    """Say which two parts have rows that are equal in every column but the id."""
    for (one, of_one), (other, of_other) in combinations(vars(split).items(), 2):
        if count := int(np.isin(of_other.fingerprint, of_one.fingerprint).sum()):
            return f"{count} rows of the {other} part equal a row of the {one} part in every column"
    return None


def feature_too_good(train: Dataset) -> str | None:
    """Name the features that alone tell frauds nearly perfectly: mostly known only once a fraud is known."""
    amount = pl.Series(train.description.amount.column, train.amount_minor)
    found = [
        f"{column.name} alone has average precision {average_precision:.3f}"
        for column in (amount, *train.frame)
        if (average_precision := tells_frauds(column, train.label, MAX_FEATURE_AVERAGE_PRECISION)) is not None
    ]
    return ", ".join(found) or None


def id_like(train: Dataset) -> str | None:
    """Name the features that are different in nearly every row: a model would learn rows by heart."""
    found = [column.name for column in train.frame if _unique_share(column) > MAX_UNIQUE_SHARE]
    return f"{', '.join(found)} has another value in nearly every row, like an id" if found else None


def _interpolated(column: pl.Series, fraud: NDArray[np.bool_]) -> float:
    """Return the share of frauds' values that are no whole numbers, 0 where legitimate ones aren't whole either."""
    whole = column == column.round()
    of_frauds, of_others = whole.filter(fraud).drop_nulls(), whole.filter(~fraud).drop_nulls()
    if of_frauds.is_empty() or of_others.is_empty() or not of_others.all():
        return 0.0
    return float((~of_frauds).to_numpy().mean())


def _unique_share(column: pl.Series) -> float:
    """Return distinct values over values; 0 for fractions, which are different by nature."""
    there = column.drop_nulls()
    if there.is_empty() or (there.dtype.is_float() and not (there == there.round()).all()):
        return 0.0
    return there.n_unique() / len(there)
