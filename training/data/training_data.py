"""What training works on: the data's parts behind what each is for, with the features made from the training part."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Feature
from stream.scoring.features import FeaturePlan, Matrix
from training.data.dataset import Dataset
from training.data.featureset import FeatureSet, make_features
from training.data.leaks import LeakAlarm
from training.data.split import Fold, Split
from training.data.test_set import OnEvaluation, CountedTestSet, seal
from training.models.fitted import Labels


@dataclass(frozen=True)
class TrainingData:
    """What models are searched and selected on: the training part and nothing else."""

    features: tuple[Feature, ...]
    #: (n, n_features), in order of event time.
    matrix: Matrix
    #: (n,).
    labels: Labels
    #: Rows to fit on and rows to score, the latter always later.
    folds: tuple[Fold, ...]


@dataclass(frozen=True)
class Unlabelled:
    """Rows of which nobody tells whether they are frauds."""

    #: (m, n_features).
    matrix: Matrix
    #: (m,).
    amount_minor: NDArray[np.int64]


@dataclass(frozen=True)
class PreparedParts:
    """The parts, each for its purpose."""

    plan: FeaturePlan
    #: For search and selection.
    training_data: TrainingData
    #: The training part's rows as they were read, for medians and reference profiles.
    train: Dataset
    #: The validation part: for calibration and thresholds.
    calibration: Dataset
    #: The test part without its labels: for parity of ONNX and the original.
    unlabelled: Unlabelled
    #: The test part, opened by a counted look.
    test: CountedTestSet


def prepare(
    data: Dataset,
    feature_set: FeatureSet,
    *,
    split: Callable[[Dataset], Split],
    folds: int,
    alarm: LeakAlarm,
    on_evaluation: OnEvaluation,
    looks: int = 0,
) -> PreparedParts:
    """Split, check for leaks, make features.

    Args:
        data: As loaded.
        feature_set: What a model takes.
        split: Cuts the data into its parts.
        folds: Rolling-origin folds inside the training part; 0 where nothing is searched.
        alarm: Stops at a leak that was not accepted.
        on_evaluation: Told of each look at the test part.
        looks: Taken before.

    Raises:
        LeakError: If a leak was found that was not accepted.
        DataError: If the data are too few, or have not what the feature set names.
    """
    parts = split(data)
    features = make_features(feature_set, parts.train)
    plan = FeaturePlan(features, feature_set.missing)
    sealed = seal(parts, folds=folds, alarm=alarm, on_evaluation=on_evaluation, looks=looks)
    train = sealed.search.train
    return PreparedParts(
        plan=plan,
        training_data=TrainingData(features, train.matrix(plan), train.label, sealed.search.folds),
        train=train,
        calibration=sealed.calibration,
        unlabelled=Unlabelled(parts.test.matrix(plan), parts.test.amount_minor),
        test=sealed.test,
    )
