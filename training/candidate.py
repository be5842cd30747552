"""One model from fit to figures: everything that is known before it may be registered."""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from schemas.errors import QualityError
from schemas.manifest import Feature, Metric
from schemas.messages import Policy
from stream.scoring.features import FeaturePlan, Matrix
from training.data.dataset import Dataset
from training.data.featureset import DEFAULT, make_features
from training.data.split import Split
from training.evaluation.figures import evaluate
from training.evaluation.operating_points import choose_comparison
from training.evaluation.scored import Scored
from training.models.calibrate import Calibration, fit_calibration
from training.models.export import check_parity, open_session, to_onnx
from training.models.families import SEED, Family, FittedModel

#: A champion below this on the time-ordered test part has not learnt the data: untuned models reach .79 to .81.
MIN_PR_AUC = 0.75
#: Suffix of the figures on test rows that do not equal an earlier row in every column.
NOT_REPEATED = "_not_repeated"
MISSING = DEFAULT.missing


@dataclass(frozen=True)
class PreparedSplit:
    """The three parts with their matrices."""

    split: Split
    features: tuple[Feature, ...]
    train: Matrix
    validation: Matrix
    test: Matrix


@dataclass(frozen=True)
class Candidate:
    """A model that scores alike in ONNX and in the original."""

    family: Family
    calibration: Calibration
    onnx: onnx.ModelProto
    policy: Policy
    metrics: dict[str, Metric]
    #: Largest difference between ONNX and the original on the test part.
    parity: float
    validation_scores: NDArray[np.float32]
    test_scores: NDArray[np.float32]


def prepare(split: Split) -> PreparedSplit:
    """Make the three matrices with features named from the training part."""
    features = make_features(DEFAULT, split.train)
    plan = FeaturePlan(features, MISSING)
    return PreparedSplit(
        split, features, split.train.matrix(plan), split.validation.matrix(plan), split.test.matrix(plan)
    )


def fit(family: Family, parts: PreparedSplit) -> FittedModel:
    """Fit on the training part."""
    train, labels = parts.train, parts.split.train.label
    return family.fit(family.params, train, labels, features=parts.features, seed=SEED)


def examine(family: Family, fitted: FittedModel, parts: PreparedSplit) -> Candidate:
    """Calibrate and choose thresholds on validation, export, and measure on test what the stream will score.

    Raises:
        QualityError: If ONNX and the original differ.
    """
    validation_labels, test = parts.split.validation.label, parts.split.test
    calibration = fit_calibration(fitted.margin(parts.validation), validation_labels, family.margin_kind)
    model = to_onnx(fitted, calibration, parts.features)
    session = open_session(model)
    validation_scores, test_scores = session.score(parts.validation), session.score(parts.test)
    policy = choose_comparison(as_scored(validation_scores, parts.split.validation), f"{family.algorithm}-f1")
    parity = check_parity(test_scores, calibration.apply(fitted.margin(parts.test)), policy, test.amount_minor)
    scored = as_scored(test_scores, test)
    metrics = evaluate(scored, policy)
    metrics |= {f"{name}{NOT_REPEATED}": metric for name, metric in evaluate(scored.part(~test.repeat), policy).items()}
    return Candidate(family, calibration, model, policy, metrics, parity, validation_scores, test_scores)


def as_scored(scores: NDArray[np.float32], rows: Dataset) -> Scored:
    """Put scores (n,) beside what they were given for."""
    return Scored(scores, rows.label, rows.amount_minor, rows.event_time_ms)


def require_quality(champion: Candidate) -> None:
    """Refuse a champion that has not learnt the data.

    Raises:
        QualityError: If its PR-AUC on the test part is below `MIN_PR_AUC`.
    """
    pr_auc = champion.metrics["pr_auc"]
    if not pr_auc.value >= MIN_PR_AUC:  # also true for NaN
        raise QualityError(
            f"the champion's PR-AUC on the test part is {pr_auc.value:.3f} ({pr_auc.low:.3f} to {pr_auc.high:.3f}), "
            f"below {MIN_PR_AUC}; nothing was registered or published, look at the data and its labels"
        )
