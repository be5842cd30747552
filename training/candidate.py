"""One model from fit to figures: everything that is known before it may be registered."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from schemas.errors import QualityError
from schemas.manifest import MODEL_NAME, Feature, Metric, MissingPolicy
from schemas.messages import Policy
from stream.models.session import OnnxModel
from stream.scoring.features import FeaturePlan, Matrix
from training.data.dataset import Transactions
from training.data.split import Split
from training.data.ulb import BASE_TIME_MS
from training.evaluation.figures import evaluate
from training.evaluation.operating_points import choose_comparison
from training.evaluation.scored import Scored
from training.models.calibrate import Calibration, fit_calibration
from training.models.export import check_parity, to_onnx
from training.models.families import Family, FittedModel
from training.registry.profile import make_features

#: A champion below this on the time-ordered test part has not learnt the data: untuned models reach .79 to .81.
MIN_PR_AUC = 0.75
#: Suffix of the figures on test rows that do not equal an earlier row in every column.
NOT_REPEATED = "_not_repeated"
MISSING: MissingPolicy = "median"


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
    features = make_features(split.train)
    plan = FeaturePlan(features, MISSING)
    return PreparedSplit(
        split, features, split.train.matrix(plan), split.validation.matrix(plan), split.test.matrix(plan)
    )


def fit(family: Family, parts: PreparedSplit) -> FittedModel:
    """Fit on the training part."""
    return family.fit(family.params, parts.train, parts.split.train.label)


def examine(family: Family, fitted: FittedModel, parts: PreparedSplit) -> Candidate:
    """Calibrate and choose thresholds on validation, export, and measure on test what the stream will score.

    Raises:
        QualityError: If ONNX and the original differ.
    """
    validation_labels, test = parts.split.validation.label, parts.split.test
    calibration = fit_calibration(fitted.margin(parts.validation), validation_labels, family.margin_kind)
    model = to_onnx(fitted.trees, calibration, len(parts.features))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / MODEL_NAME
        path.write_bytes(model.SerializeToString())
        # The stream's own session: with more threads, sums of leaves differ in the last digits.
        session = OnnxModel(path, len(parts.features))
    validation_scores, test_scores = session.score(parts.validation), session.score(parts.test)
    policy = choose_comparison(as_scored(validation_scores, parts.split.validation), f"{family.algorithm}-f1")
    parity = check_parity(test_scores, calibration.apply(fitted.margin(parts.test)), policy)
    scored = as_scored(test_scores, test)
    metrics = evaluate(scored, policy)
    metrics |= {f"{name}{NOT_REPEATED}": metric for name, metric in evaluate(scored.part(~test.repeat), policy).items()}
    return Candidate(family, calibration, model, policy, metrics, parity, validation_scores, test_scores)


def as_scored(scores: NDArray[np.float32], rows: Transactions) -> Scored:
    """Put scores (n,) beside what they were given for."""
    times = BASE_TIME_MS + np.rint(rows.time_s * 1000).astype(np.int64)
    return Scored(scores, rows.label, rows.amount_minor, times)


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
