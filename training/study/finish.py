"""The chosen entry becomes a bundle: refitted on the training part, calibrated on validation, exported, checked."""

import time
from dataclasses import dataclass
from pathlib import Path

from schemas.manifest import Manifest, Metric, ReferenceProfile, TrainingWindow
from schemas.messages import Policy
from training.evaluation.costs import Costs
from training.evaluation.figures import evaluate
from training.evaluation.operating_points import PolicyKind, choose_by_cost, choose_comparison
from training.evaluation.scored import Scored
from training.models.calibrate import Calibration, fit_calibration
from training.models.export import check_parity, open_session, to_onnx
from training.registry.bundle import UNREGISTERED, write_bundle
from training.registry.profile import choose_parity_rows, make_profile
from training.registry.versions import REGISTERED_MODEL
from training.study.fitting import fit
from training.study.material import StudyData
from training.study.paired import t_interval
from training.study.plan import Entry
from training.study.record import EntryRecord

#: The test part's figures are not known yet, so a study's manifest names where its own come from.
ON_FOLDS, ON_VALIDATION = "_folds", "_validation"


@dataclass(frozen=True)
class Finished:
    """What is known of the chosen model."""

    #: Deployed: the cheapest on validation.
    policy: Policy
    #: Maximum F1 on validation: for comparisons, never deployed.
    comparison: Policy
    calibration: Calibration
    metrics: dict[str, Metric]
    #: Largest difference between ONNX and the original on the test part's features.
    parity: float
    onnx_bytes: int
    fit_seconds: float

    @property
    def figures(self) -> dict[str, float]:
        """What is logged with the run."""
        flat = {
            "onnx_parity": self.parity,
            "onnx_bytes": float(self.onnx_bytes),
            "refit_seconds": self.fit_seconds,
            "calibration_slope": self.calibration.slope,
            "calibration_offset": self.calibration.offset,
            "threshold_review": self.policy.review,
            "threshold_decline": self.policy.decline,
            "threshold_comparison": self.comparison.review,
        }
        for name, metric in self.metrics.items():
            flat |= {name: metric.value, f"{name}_low": metric.low, f"{name}_high": metric.high}
        return flat


def finish(
    record: EntryRecord, data: StudyData, seed: int, run_id: str, directory: Path, *, kind: PolicyKind, costs: Costs
) -> Finished:
    """Make the chosen entry's bundle.

    Args:
        record: The chosen entry.
        data: The parts. The test part's labels stay sealed.
        seed: Of the model.
        run_id: The entry's MLflow run.
        directory: To be made.
        kind: Of the deployed policy.
        costs: It is chosen by.

    Raises:
        QualityError: If ONNX and the original differ.
        BundleError: If the bundle does not pass its audit.
    """
    started = time.perf_counter()
    entry = Entry(record.family, record.treatment, 0, record.legitimate_share)
    fitted = fit(entry, record.params, data.material, slice(0, len(data.train)), seed)
    seconds = time.perf_counter() - started
    validation = data.calibration
    matrix = validation.matrix(data.plan)
    margin = fitted.model.margin(matrix)
    calibration = fit_calibration(margin, validation.label, fitted.model.margin_kind)
    graph = to_onnx(fitted.model, calibration, data.material.features)
    session = open_session(graph)
    scored = Scored(session.score(matrix), validation.label, validation.amount_minor, validation.event_time_ms)
    policy = choose_by_cost(scored, costs, kind, f"{record.family}-cost")
    comparison = choose_comparison(scored, f"{record.family}-f1")
    # The graph must say the same as the original on rows it has never seen; that needs no labels.
    unseen = data.parity
    parity = check_parity(
        session.score(unseen.matrix),
        calibration.apply(fitted.model.margin(unseen.matrix)),
        policy,
        unseen.amount_minor,
    )
    metrics = {f"pr_auc{ON_FOLDS}": t_interval(record.by_fold)}
    metrics |= {f"{name}{ON_VALIDATION}": metric for name, metric in evaluate(scored, policy).items()}
    manifest = Manifest(
        name=REGISTERED_MODEL,
        version=UNREGISTERED,
        algorithm=record.family,
        mlflow_run_id=run_id,
        created_at_ms=time.time_ns() // 1_000_000,
        features=data.material.features,
        missing=data.plan.missing,
        policy=policy,
        training_window=TrainingWindow(
            start_ms=int(data.train.event_time_ms[0]),
            end_ms=int(validation.event_time_ms[0]),
            rows=len(data.train),
            frauds=int(data.train.label.sum()),
            data_sha256=data.train.sha256,
        ),
        metrics=metrics,
        reference=_profiles(data),
        # Of rows the model has not seen: on its own training rows any model is too sure of itself.
        score_reference=make_profile(scored.scores),
        parity=choose_parity_rows(matrix, scored.scores, validation.label, policy),
        files={},
    )
    write_bundle(directory, graph, manifest)
    return Finished(policy, comparison, calibration, metrics, parity, graph.ByteSize(), seconds)


def _profiles(data: StudyData) -> dict[str, ReferenceProfile]:
    features, matrix = data.material.features, data.material.matrix
    return {feature.name: make_profile(matrix[:, column]) for column, feature in enumerate(features)}
