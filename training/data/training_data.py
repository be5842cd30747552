"""The input of training: the splits by purpose, with features frozen from the training split."""

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
from training.data.test_set import CountedTestSet, OnEvaluation, split_by_purpose
from training.models.fitted import Labels


@dataclass(frozen=True)
class TrainingData:
    """The training split, in the form in which models are searched, fitted and selected."""

    features: tuple[Feature, ...]
    #: Feature vectors (n, n_features), in order of event time.
    matrix: Matrix
    #: Labels (n,), 1 for fraud.
    labels: Labels
    #: Pairs of rows to fit on and rows to score, which are always later.
    folds: tuple[Fold, ...]


@dataclass(frozen=True)
class UnlabelledRows:
    """Feature vectors and amounts of m rows, without the labels."""

    #: Feature vectors (m, n_features).
    matrix: Matrix
    #: Amounts (m,) in minor units.
    amount_minor: NDArray[np.int64]


@dataclass(frozen=True)
class PreparedData:
    """The splits of the data, each under the name of its purpose."""

    plan: FeaturePlan
    #: The training split as feature vectors, for search and selection.
    training_data: TrainingData
    #: The training split as loaded from the file, for medians and reference profiles.
    train: Dataset
    #: The validation split, for calibration and thresholds.
    validation: Dataset
    #: The test set without its labels, for comparing the ONNX graph with the original.
    unlabelled_test: UnlabelledRows
    #: The test set; each evaluation is counted.
    test_set: CountedTestSet


def prepare(
    data: Dataset,
    feature_set: FeatureSet,
    *,
    split: Callable[[Dataset], Split],
    folds: int,
    alarm: LeakAlarm,
    on_evaluation: OnEvaluation,
    evaluations: int = 0,
) -> PreparedData:
    """Split data, check the splits for leaks and make the features.

    Args:
        data: Loaded data, in order of event time.
        feature_set: Features that the model takes.
        split: Function that splits the data, by time or stratified.
        folds: Number of rolling-origin folds within the training split; 0 if there is no search.
        alarm: Leak alarm, which raises an error for a leak that was not accepted.
        on_evaluation: Callback that records each evaluation of the test set.
        evaluations: Number of earlier evaluations of this test set.

    Raises:
        LeakError: If there is a leak that is not accepted.
        DataError: If there are too few rows, or the data lack a feature of the set.
    """
    split_data = split(data)
    features = make_features(feature_set, split_data.train)
    plan = FeaturePlan(features, feature_set.missing)
    purposes = split_by_purpose(
        split_data, folds=folds, alarm=alarm, on_evaluation=on_evaluation, evaluations=evaluations
    )
    train = purposes.search.train
    return PreparedData(
        plan=plan,
        training_data=TrainingData(features, train.matrix(plan), train.label, purposes.search.folds),
        train=train,
        validation=purposes.validation,
        unlabelled_test=UnlabelledRows(split_data.test.matrix(plan), split_data.test.amount_minor),
        test_set=purposes.test_set,
    )
