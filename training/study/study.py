"""A study from its plan to the chosen model's bundle."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from optuna.storages import BaseStorage

from schemas.errors import StudyError
from training.bundling.build_bundle import Finished, write
from training.data.dataset import Dataset
from training.data.featureset import FeatureSet
from training.data.leaks import LeakAlarm
from training.data.training_data import PreparedParts, prepare
from training.data.test_set import Look
from training.evaluation.figures import FigureSettings
from training.registry.card_figures import FIGURES_ARTIFACT, encode_figures, measure_card
from training.registry.lineage import feature_set as short_hash
from training.registry.tracking import BUNDLE_ARTIFACT, flatten
from training.study.accepted import AcceptedLeaks
from training.study.budget import Budget
from training.study.choose import choose, rank
from training.study.identity import Identity, encode_identity, identify, require_same
from training.study.paired import t_interval
from training.study.plan import StudyPlan, entries
from training.study.progress import StudyProgress
from training.study.record import EntryRecord
from training.study.refit import refit
from training.study.runs import CHOSEN, PLAN, Study, StudyRuns
from training.study.settings import StudySettings, splitter
from training.study.study_runner import Conductor

#: The test part's figures are not known yet, so a study's manifest names where its own come from.
ON_FOLDS, ON_VALIDATION = "_folds", "_validation"
#: Run id and record.
_Finished = tuple[str, EntryRecord]


@dataclass(frozen=True)
class Outcome:
    """A study that came to its end."""

    study: Study
    #: Whether an earlier process had begun it.
    resumed: bool
    #: Best first.
    records: Sequence[EntryRecord]
    chosen: EntryRecord
    #: The chosen entry's run, which holds the bundle.
    run_id: str
    model: Finished
    #: Entries that were not run or not to their end, with the reason.
    left_out: Mapping[str, str]
    #: Leaks that were found and accepted.
    accepted: Mapping[str, str]


def run_study(
    plan: StudyPlan,
    data: Dataset,
    features: FeatureSet,
    settings: StudySettings,
    *,
    runs: StudyRuns,
    storage: BaseStorage,
    budget: Budget,
    progress: StudyProgress,
) -> Outcome:
    """Run a study, or go on with the latest of its name that is not whole.

    Raises:
        LeakError: If a leak was found that was not accepted.
        StudyError: If the one to go on with had another plan or other data, or nothing was finished in time.
        DataError: If the data are too few.
        QualityError: If the chosen model's ONNX graph differs from the original.
        RegistryError: If MLflow is away or refuses.
    """
    accepted = AcceptedLeaks()
    alarm = LeakAlarm(accepted.record, settings.accepted)
    parts = prepare(data, features, split=splitter(settings.split), folds=plan.folds, alarm=alarm, on_evaluation=_refuse)
    identity = identify(plan, data, features, settings.split)
    study, resumed = _begin(settings, identity, runs, _facts(plan, data, parts, settings), parts)
    try:
        runs.log_text(study.run_id, PLAN, msgspec.json.format(msgspec.json.encode(plan)).decode())
        accepted.attach(runs, study)
        conductor = Conductor(plan, parts.training_data, study, runs, storage, budget=budget, progress=progress, alarm=alarm)
        left_out = conductor.run()
        finished = _require_some(runs.finished(study), left_out)
        records = rank([record for _, record in finished.values()])
        chosen = choose(records)
        run_id = finished[chosen.key][0]
        model = refit(chosen, parts, plan.seeds[0], kind=settings.policy_kind(data), costs=settings.costs)
        _keep(model, chosen, parts, run_id=run_id, runs=runs, settings=FigureSettings(costs=settings.costs))
        runs.tag(study.run_id, CHOSEN, chosen.key)
    except BaseException as error:
        runs.end(study, "FAILED" if isinstance(error, Exception) else "KILLED", {})
        raise
    runs.end(study, "FINISHED", left_out)
    return Outcome(study, resumed, records, chosen, run_id, model, left_out, accepted.found)


def _keep(
    model: Finished, chosen: EntryRecord, parts: PreparedParts, *, run_id: str, runs: StudyRuns, settings: FigureSettings
) -> None:
    """Put bundle and figures among the artifacts of the chosen entry's run."""
    card = measure_card("validation", model.validation, model.policy, model.comparison, settings)
    metrics = {f"pr_auc{ON_FOLDS}": t_interval(chosen.by_fold)}
    metrics |= {f"{name}{ON_VALIDATION}": metric for name, metric in card.metrics.items()}
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / BUNDLE_ARTIFACT
        write(model, parts, run_id, metrics, directory)
        runs.log_files(run_id, directory, BUNDLE_ARTIFACT)
    runs.log_metrics(run_id, model.figures | flatten(metrics))
    runs.log_text(run_id, FIGURES_ARTIFACT, encode_figures(card).decode())


def _begin(
    settings: StudySettings, identity: Identity, runs: StudyRuns, facts: Mapping[str, str], parts: PreparedParts
) -> tuple[Study, bool]:
    """Return the study to be run, and whether an earlier process had begun it."""
    before = None if settings.fresh else runs.latest(settings.name)
    if before and not before.whole:
        require_same(before, identity)
        runs.resume(before)
        return before, True
    lineage = {"data_sha256": identity.data, "feature_set": short_hash(parts.training_data.features)}
    return runs.begin(settings.name, encode_identity(identity), facts, lineage), False


def _facts(plan: StudyPlan, data: Dataset, parts: PreparedParts, settings: StudySettings) -> dict[str, str]:
    return {
        "plan": plan.name,
        "entries": str(len(entries(plan))),
        "folds": str(plan.folds),
        "seeds": ", ".join(map(str, plan.seeds)),
        "split": settings.split,
        "rows": str(len(data)),
        "frauds": str(int(data.label.sum())),
        "train_rows": str(len(parts.train)),
        "train_frauds": str(int(parts.train.label.sum())),
        "features": str(len(parts.training_data.features)),
    }


def _require_some(finished: dict[str, _Finished], left_out: Mapping[str, str]) -> dict[str, _Finished]:
    if finished:
        return finished
    reasons = "; ".join(sorted(set(left_out.values())))
    raise StudyError(f"no entry was finished ({reasons}); give more --budget, or look at the runs in MLflow")


def _refuse(_: Look) -> None:
    raise StudyError("a study does not look at the test part; fraud-train evaluate --final does")
