"""Runs a study from its plan to the bundle of the chosen model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.storages import BaseStorage

from schemas.errors import StudyError
from training.bundling.build_bundle import model_to_deploy
from training.bundling.evaluated_model import EvaluatedModel, measure_on_validation
from training.bundling.log_bundle import log_bundle
from training.data.dataset import Dataset
from training.data.featureset import FeatureSet
from training.data.leaks import LeakAlarm
from training.data.test_set import CountedEvaluation
from training.data.training_data import PreparedData, prepare
from training.evaluation.costs import Costs
from training.registry.lineage import feature_set as short_hash
from training.study.accepted_leaks import AcceptedLeaks
from training.study.budget import Budget
from training.study.entry_record import EntryRecord
from training.study.identity import Identity, encode_identity, identify, require_same
from training.study.left_out import LeftOut
from training.study.paired import t_interval
from training.study.plan import StudyPlan, entries
from training.study.progress import StudyProgress
from training.study.refit import refit
from training.study.runs import ALERTS_PER_DAY, CHOSEN, Study, StudyRuns
from training.study.selection import choose, rank
from training.study.settings import StudySettings, split_function
from training.study.study_runner import StudyRunner

#: Suffix of metrics that were measured on the folds; a study never evaluates the test set.
ON_FOLDS = "_folds"
#: Run id and record of an entry.
_FinishedEntry = tuple[str, EntryRecord]


@dataclass(frozen=True)
class StudyOutcome:
    """The result of a study.

    Attributes:
        study: Study that was run.
        resumed: Whether an earlier process had started the study.
        records: Finished entries, best first.
        chosen: Chosen entry.
        run_id: Id of the chosen entry's run, which contains the bundle.
        model: Model of the chosen entry, fitted on the whole training split.
        left_out: Reasons why entries were not run or not completed, by key.
        accepted: Details of the leaks that were found and accepted, by name.
    """

    study: Study
    resumed: bool
    records: Sequence[EntryRecord]
    chosen: EntryRecord
    run_id: str
    model: EvaluatedModel
    left_out: Mapping[str, LeftOut]
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
) -> StudyOutcome:
    """Run a study, or resume the newest study with the same name if that study is incomplete.

    Args:
        plan: Plan of the study.
        data: Data set to train on.
        features: Feature set to train with.
        settings: Settings of the study.
        runs: Access to the studies in MLflow.
        storage: Storage of Optuna's trials.
        budget: Time limit.
        progress: Progress display.

    Raises:
        LeakError: If a leak was found and not accepted.
        StudyError: If the study to resume had a different plan or different data, or no entry was finished in time.
        DataError: If the data have too few rows or frauds.
        QualityError: If the scores of the chosen model and its ONNX export differ.
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    accepted = AcceptedLeaks()
    alarm = LeakAlarm(accepted.record, settings.accepted)
    split = split_function(settings.split)
    parts = prepare(data, features, split=split, folds=plan.folds, alarm=alarm, on_evaluation=_refuse_evaluation)
    identity = identify(plan, data, features, settings.split)
    study, resumed = _begin(settings, identity, runs, _facts(plan, data, parts, settings), parts)
    try:
        run = runs.run(study.run_id)
        runs.store_plan(study, plan)
        accepted.attach(runs, study)
        runner = StudyRunner(
            plan, parts.training_data, study, runs, storage, budget=budget, progress=progress, alarm=alarm
        )
        left_out = runner.run()
        finished = _require_finished(runs.finished(study), left_out)
        records = rank([record for _, record in finished.values()])
        chosen = choose(records)
        run_id = finished[chosen.key][0]
        choice = settings.policy_choice(plan, data)
        model = refit(chosen, parts, plan.seeds[0], choice)
        _log_chosen(model, chosen, parts, run_id=run_id, runs=runs, costs=settings.costs)
        run.tag(ALERTS_PER_DAY, str(choice.alerts_per_day or ""))
        run.tag(CHOSEN, chosen.key)
    except BaseException as error:
        runs.end(study, "FAILED" if isinstance(error, Exception) else "KILLED", {})
        raise
    runs.end(study, "FINISHED", left_out)
    return StudyOutcome(study, resumed, records, chosen, run_id, model, left_out, accepted.details)


def _log_chosen(
    model: EvaluatedModel, chosen: EntryRecord, parts: PreparedData, *, run_id: str, runs: StudyRuns, costs: Costs
) -> None:
    """Log the bundle and metrics of the chosen model to the run of its entry."""
    card, metrics = measure_on_validation(model, costs)
    run = runs.run(run_id)
    run.log_metrics(model.export_metrics)
    log_bundle(run, model_to_deploy(model, parts), card, {f"pr_auc{ON_FOLDS}": t_interval(chosen.by_fold)} | metrics)


def _begin(
    settings: StudySettings, identity: Identity, runs: StudyRuns, facts: Mapping[str, str], parts: PreparedData
) -> tuple[Study, bool]:
    """Return the study to run, and whether an earlier process had started the study."""
    latest = None if settings.fresh else runs.latest(settings.name)
    if latest and not latest.complete:
        require_same(latest, identity)
        runs.resume(latest)
        return latest, True
    lineage = {"data_sha256": identity.data, "feature_set": short_hash(parts.training_data.features)}
    return runs.begin(settings.name, encode_identity(identity), facts, lineage), False


def _facts(plan: StudyPlan, data: Dataset, parts: PreparedData, settings: StudySettings) -> dict[str, str]:
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


def _require_finished(
    finished: dict[str, _FinishedEntry], left_out: Mapping[str, LeftOut]
) -> dict[str, _FinishedEntry]:
    if finished:
        return finished
    reasons = "; ".join(sorted({each.reason for each in left_out.values()}))
    raise StudyError(f"no entry was finished ({reasons}); increase --budget, or check the runs in MLflow")


def _refuse_evaluation(_: CountedEvaluation) -> None:
    raise StudyError("a study does not evaluate the test set; use: fraud-train evaluate --final")
