"""What each part of a split is for, as code: whoever searches holds no other part, and the test part counts its looks.

    sealed = seal(split, folds=3, alarm=LeakAlarm(), on_evaluation=tracker.log_look)
    search(sealed.search)                      # train and its folds
    calibrate(model, sealed.calibration)       # validation
    sealed.test.look("final figures of run 7") # counted and reported before a row is seen

Hand a function the one part it needs, not the whole.
"""

from collections.abc import Callable
from dataclasses import dataclass

from training.data.dataset import Dataset
from training.data.leaks import LeakAlarm
from training.data.split import Fold, Split, rolling_origin_folds


@dataclass(frozen=True)
class Look:
    """One look at the test part."""

    #: Starts at 1 with the first look ever, over all runs that were told of the ones before.
    count: int
    why: str
    data_sha256: str


OnEvaluation = Callable[[Look], None]


@dataclass(frozen=True)
class SearchPart:
    """For fitting, early stopping, search and selection: nothing later than the training part is in reach."""

    train: Dataset
    #: Slices of `train`.
    folds: tuple[Fold, ...]


class CountedTestSet:
    """The test part, seen only by `look`.

    Args:
        test: The part.
        on_evaluation: Told of each look before its rows are handed out; what it raises prevents the look.
        looks: Taken before, by earlier runs on the same part.
    """

    def __init__(self, test: Dataset, on_evaluation: OnEvaluation, *, looks: int = 0) -> None:
        # Two underscores: out of reach by accident.
        self.__test = test
        self._on_look = on_evaluation
        self._looks = looks

    @property
    def looks(self) -> int:
        """How often the part was looked at."""
        return self._looks

    def look(self, why: str) -> Dataset:
        """Return the rows, after the look has been counted and reported."""
        look = Look(self._looks + 1, why, self.__test.sha256)
        self._on_look(look)
        self._looks = look.count
        return self.__test


@dataclass(frozen=True)
class PartsByPurpose:
    """The parts by what they are for."""

    search: SearchPart
    #: For calibration and thresholds, nothing else.
    calibration: Dataset
    test: CountedTestSet


def seal(split: Split, *, folds: int, alarm: LeakAlarm, on_evaluation: OnEvaluation, looks: int = 0) -> PartsByPurpose:
    """Check a split for leaks and hand its parts out by what they are for. Keep no reference to `split`.

    Args:
        split: Of a time-ordered or stratified kind.
        folds: Rolling-origin folds inside the training part.
        alarm: Stops at a leak that was not accepted.
        on_evaluation: Logs each look at the test part.
        looks: At the test part before, by earlier runs.

    Raises:
        LeakError: If the split leaks.
        DataError: If a fold has no frauds.
    """
    alarm.check_split(split)
    train = split.train
    made = rolling_origin_folds(train.event_time_ms, train.label, folds)
    return PartsByPurpose(SearchPart(train, tuple(made)), split.validation, CountedTestSet(split.test, on_evaluation, looks=looks))
