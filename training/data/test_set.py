"""The parts of a split by purpose: search sees the training part only, and each evaluation of the test set is counted.

    parts = split_by_purpose(split, folds=3, alarm=alarm, on_evaluation=log_evaluation)
    search(parts.search)                        # the training part and its folds
    calibrate(model, parts.validation)
    parts.test_set.open("final figures of run 7")  # counted and reported before a row is handed out

Hand a function the one part it needs, not all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from training.data.dataset import Dataset
from training.data.leaks import LeakAlarm
from training.data.split import Fold, Split, rolling_origin_folds


@dataclass(frozen=True)
class CountedEvaluation:
    """One evaluation of the test set."""

    #: Counted from 1, over all runs that were given the earlier count.
    number: int
    reason: str
    data_sha256: str


OnEvaluation = Callable[[CountedEvaluation], None]


@dataclass(frozen=True)
class SearchPart:
    """The training part, for fitting, early stopping, search and selection."""

    train: Dataset
    #: Slices of `train`.
    folds: tuple[Fold, ...]


class CountedTestSet:
    """The test set, whose rows are handed out by `open` only.

    Args:
        test: The test part.
        on_evaluation: Callback that records an evaluation before its rows are handed out; an exception prevents it.
        evaluations: Number of earlier evaluations of the same part.
    """

    def __init__(self, test: Dataset, on_evaluation: OnEvaluation, *, evaluations: int = 0) -> None:
        # Two underscores, so that nothing reads the rows by accident.
        self.__test = test
        self._on_evaluation = on_evaluation
        self._evaluations = evaluations

    @property
    def evaluations(self) -> int:
        """Number of times the test set was evaluated."""
        return self._evaluations

    def open(self, reason: str) -> Dataset:
        """Return the rows, after the evaluation was counted and recorded."""
        evaluation = CountedEvaluation(self._evaluations + 1, reason, self.__test.sha256)
        self._on_evaluation(evaluation)
        self._evaluations = evaluation.number
        return self.__test


@dataclass(frozen=True)
class PurposeSplit:
    """The parts of a split, each under its purpose."""

    search: SearchPart
    #: For calibration and thresholds, nothing else.
    validation: Dataset
    test_set: CountedTestSet


def split_by_purpose(
    split: Split, *, folds: int, alarm: LeakAlarm, on_evaluation: OnEvaluation, evaluations: int = 0
) -> PurposeSplit:
    """Check a split for leaks and return its parts by purpose. Keep no reference to `split` afterwards.

    Args:
        split: A time-ordered or stratified split.
        folds: Number of rolling-origin folds inside the training part.
        alarm: Leak alarm, which raises for a leak that was not accepted.
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
