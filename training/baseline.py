"""The baseline: a champion and its challengers, from data to bundles in the store."""

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from schemas.manifest import Manifest, TrainingWindow
from schemas.messages import Challenger
from stream.models.store import BundleStore
from training.candidate import MISSING, Candidate, PreparedSplit, as_scored, examine, fit, prepare, require_quality
from training.data.dataset import load
from training.data.split import split_by_time
from training.evaluation.costs import Costs
from training.evaluation.plots import save_plots
from training.models.families import CHALLENGERS, CHAMPION, TREES, Family
from training.registry.bundle import UNREGISTERED, write_bundle
from training.registry.history import History
from training.registry.lineage import code_version, library_versions
from training.registry.profile import choose_parity_rows, make_profile
from training.registry.promote import Promoter
from training.registry.register import register, withdraw
from training.registry.roles import AUTHOR, TrainedRoles
from training.registry.runs import Runs
from training.registry.tracking import BUNDLE_ARTIFACT, TrackedRun, Tracker
from training.registry.versions import REGISTERED_MODEL, RegisteredVersion, Registry

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
    registry, runs = Registry(tracker.connection), Runs(tracker.connection)
    parts = prepare(split_by_time(load(data)))
    examined = [_examine(family, parts, tracker, report) for family in (CHAMPION, *CHALLENGERS)]
    registered: list[RegisteredVersion] = []
    with ExitStack() as undo:
        for candidate, run in examined:
            report(f"register {candidate.family.algorithm}")
            registered.append(register(run.run_id, registry, runs, store))
            undo.callback(withdraw, registered[-1], registry, store)
        undo.pop_all()
    # Roles move last: they lead to the old versions until all new ones are whole.
    refs = [version.bundle for version in registered]
    promoter = Promoter(registry, History(tracker.connection), runs, store)
    promoter.appoint(refs[0], tuple(Challenger(ref) for ref in refs[1:]), who=AUTHOR, why="baseline")
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
        with tempfile.TemporaryDirectory() as scratch:
            directory = Path(scratch) / BUNDLE_ARTIFACT
            write_bundle(directory, candidate.onnx, _manifest(candidate, parts, run.run_id))
            run.log_files(directory, BUNDLE_ARTIFACT)
        if family is CHAMPION:
            require_quality(candidate)  # last, so that the failed run shows why
        return candidate, run


def _manifest(candidate: Candidate, parts: PreparedSplit, run_id: str) -> Manifest:
    split = parts.split
    return Manifest(
        name=REGISTERED_MODEL,
        version=UNREGISTERED,
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
    return {"data_sha256": parts.split.train.sha256} | code_version() | library_versions()
