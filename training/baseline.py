"""The baseline: a champion and its challengers, from data to bundles in the store."""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from schemas.manifest import Manifest, TrainingWindow
from schemas.messages import BundleRef
from stream.models.store import BundleStore
from training.candidate import MISSING, Candidate, PreparedSplit, as_scored, examine, fit, prepare, require_quality
from training.data.dataset import load
from training.data.split import split_by_time
from training.evaluation.costs import Costs
from training.evaluation.plots import save_plots
from training.models.families import CHALLENGERS, CHAMPION, TREES, Family
from training.registry.bundle import write_bundle
from training.registry.profile import choose_parity_rows, make_profile
from training.registry.roles import TrainedRoles
from training.registry.tracking import BUNDLE_ARTIFACT, REGISTERED_MODEL, TrackedRun, Tracker, code_version

Report = Callable[[str], None]
#: Calls to `report` in a whole baseline, for a progress bar.
STEPS = 1 + 3 * (1 + len(CHALLENGERS))


def run_baseline(data: Path, store_url: str, tracker: Tracker, report: Report) -> tuple[TrainedRoles, list[Candidate]]:
    """Train, examine, register and store the champion and its challengers.

    Nothing is registered or stored before every model has been examined.

    Args:
        data: Parquet or CSV.
        store_url: Of the bundle store.
        tracker: MLflow.
        report: Told each step, for a progress display.

    Returns:
        The bundles, and the models in the same order, champion first.

    Raises:
        DataError: If the data cannot be used.
        QualityError: If a model must not be published.
        BundleError: If a bundle cannot be stored.
        RegistryError: If MLflow is away or refuses.
    """
    report("read the data")
    store = BundleStore(store_url)
    parts = prepare(split_by_time(load(data)))
    examined = [_examine(family, parts, tracker, report) for family in (CHAMPION, *CHALLENGERS)]
    refs, registered = [], []
    with ExitStack() as undo:
        for candidate, run in examined:
            report(f"register {candidate.family.algorithm}")
            registered.append(undo.enter_context(tracker.register(run)))
            refs.append(_store_bundle(candidate, parts, run, store, registered[-1]))
        # Aliases move last: they lead to the old versions until all new ones are whole.
        for (candidate, _), version, ref in zip(examined, registered, refs, strict=True):
            role = "champion" if candidate.family is CHAMPION else f"challenger-{candidate.family.algorithm}"
            tags = {"bundle_version": ref.version, "bundle_sha256": ref.sha256}
            tracker.annotate(version, role, tags | _lineage(parts))
    return TrainedRoles(store_url, refs[0], tuple(refs[1:])), [candidate for candidate, _ in examined]


def _examine(family: Family, parts: PreparedSplit, tracker: Tracker, report: Report) -> tuple[Candidate, TrackedRun]:
    with tracker.run(family.algorithm, _lineage(parts) | {"algorithm": family.algorithm}) as run:
        report(f"fit {family.algorithm}")
        started = time.perf_counter()
        fitted = fit(family, parts)
        fit_seconds = time.perf_counter() - started
        report(f"export and examine {family.algorithm}")
        candidate = examine(family, fitted, parts)
        policy, calibration = candidate.policy, candidate.calibration
        run.log(
            family.params | {"trees": TREES, "train_rows": len(parts.train)},
            candidate.metrics,
            {
                "threshold_review": policy.review,
                "threshold_decline": policy.decline,
                "calibration_slope": calibration.slope,
                "calibration_offset": calibration.offset,
                "onnx_parity": candidate.parity,
                "onnx_bytes": candidate.onnx.ByteSize(),
                "fit_seconds": fit_seconds,
            },
        )
        with tempfile.TemporaryDirectory() as plots:
            scored = as_scored(candidate.test_scores, parts.split.test)
            save_plots(Path(plots), scored, {"baseline": policy}, Costs(), "test part")
            run.log_files(Path(plots), "plots")
        if family is CHAMPION:
            require_quality(candidate)  # last, so that the failed run shows why
        return candidate, run


def _store_bundle(
    candidate: Candidate, parts: PreparedSplit, run: TrackedRun, store: BundleStore, registered: str
) -> BundleRef:
    # MLflow counts anew when its database is new, but the store keeps its bundles for ever.
    number = int(registered)
    while store.exists(f"{REGISTERED_MODEL}/{number}"):
        number += 1
    version, path = str(number), f"{REGISTERED_MODEL}/{number}"
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / BUNDLE_ARTIFACT
        model = write_bundle(directory, candidate.onnx, _manifest(candidate, parts, run.run_id, version))
        run.log_files(directory, BUNDLE_ARTIFACT)
        store.put(directory, path)
    return BundleRef(REGISTERED_MODEL, version, path, model.sha256)


def _manifest(candidate: Candidate, parts: PreparedSplit, run_id: str, version: str) -> Manifest:
    split = parts.split
    return Manifest(
        name=REGISTERED_MODEL,
        version=version,
        algorithm=candidate.family.algorithm,
        mlflow_run_id=run_id,
        created_at_ms=time.time_ns() // 1_000_000,
        features=parts.features,
        missing=MISSING,
        policy=candidate.policy,
        training_window=TrainingWindow(
            start_ms=int(split.train.event_time_ms[0]),
            end_ms=int(split.validation.event_time_ms[0]),
            rows=len(split.train),
            frauds=int(split.train.label.sum()),
            data_sha256=split.train.sha256,
        ),
        metrics=candidate.metrics,
        reference={feature.name: make_profile(parts.train[:, column]) for column, feature in enumerate(parts.features)},
        # Of rows the model has not seen: on its own training rows any model is too sure of itself.
        score_reference=make_profile(candidate.validation_scores),
        parity=choose_parity_rows(parts.test, candidate.test_scores, split.test.label, candidate.policy),
        files={},
    )


def _lineage(parts: PreparedSplit) -> dict[str, str]:
    return {"data_sha256": parts.split.train.sha256} | code_version()
