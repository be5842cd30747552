"""Splits separated by purpose: search sees only the training split, and each evaluation of the test set is counted.

    parts = split_by_purpose(split, folds=3, alarm=alarm, on_evaluation=log_evaluation)
    search(parts.search)                        # gets the training split and its folds
    calibrate(model, parts.validation)
    parts.test_set.open("final metrics of run 7")  # counted and recorded before any row is returned

Pass to a function only the split that it needs, not all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from training.data.dataset import Dataset
from training.data.leaks import LeakAlarm
from training.data.split import Fold, Split, rolling_origin_folds


@dataclass(frozen=True)
class CountedEvaluation:
    """One evaluation of the test set."""

    #: Number of this evaluation, counted from 1 across all runs that continue the earlier count.
    number: int
    reason: str
    data_sha256: str


OnEvaluation = Callable[[CountedEvaluation], None]


@dataclass(frozen=True)
class SearchPart:
    """The training split, for fitting, early stopping, search and selection."""

    train: Dataset
    #: Slices of `train`.
    folds: tuple[Fold, ...]


class CountedTestSet:
    """The test set, whose rows are returned only by `open`.

    Args:
        test: Rows of the test set.
        on_evaluation: Callback that records an evaluation before any rows are returned; if it raises an error,
            no rows are returned.
        evaluations: Number of earlier evaluations of the same test set.
    """

    def __init__(self, test: Dataset, on_evaluation: OnEvaluation, *, evaluations: int = 0) -> None:
        # The name begins with two underscores, so that nothing reads the rows by accident.
        self.__test = test
        self._on_evaluation = on_evaluation
        self._evaluations = evaluations

    @property
    def evaluations(self) -> int:
        """Number of times that the test set has been evaluated."""
        return self._evaluations

    def open(self, reason: str) -> Dataset:
        """Count and record an evaluation, then return the rows of the test set."""
        evaluation = CountedEvaluation(self._evaluations + 1, reason, self.__test.sha256)
        self._on_evaluation(evaluation)
        self._evaluations = evaluation.number
        return self.__test


@dataclass(frozen=True)
class PurposeSplit:
    """The splits of the data, each under the name of its purpose."""

    search: SearchPart
    #: The validation split, for calibration and for choosing thresholds, nothing else.
    validation: Dataset
    test_set: CountedTestSet


def split_by_purpose(
    split: Split, *, folds: int, alarm: LeakAlarm, on_evaluation: OnEvaluation, evaluations: int = 0
) -> PurposeSplit:
    """Check a split for leaks and separate it by purpose. The caller must keep no reference to `split`.

    Args:
        split: Time-ordered or stratified split of the data.
        folds: Number of rolling-origin folds within the training split.
        alarm: Leak alarm, which raises an error for a leak that was not accepted.
        on_evaluation: Callback that records each evaluation of the test set.
        evaluations: Number of evaluations of this test set by earlier runs.

    Raises:
        LeakError: If the split leaks and the leak was not accepted.
        DataError: If a fold has no frauds.
    """
    alarm.check_split(split)
    train = split.train
    made = rolling_origin_folds(train.event_time_ms, train.label, folds)
    test_set = CountedTestSet(split.test, on_evaluation, evaluations=evaluations)
    return PurposeSplit(SearchPart(train, tuple(made)), split.validation, test_set)
