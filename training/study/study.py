"""A study from its plan to the chosen model's bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from optuna.storages import BaseStorage

from schemas.errors import StudyError
from training.bundling.build_bundle import model_to_deploy
from training.bundling.evaluated_model import EvaluatedModel, measure_on_validation
from training.bundling.log_bundle import log_bundle
from training.data.dataset import Dataset
from training.data.featureset import FeatureSet
from training.data.leaks import LeakAlarm
from training.data.training_data import PreparedData, prepare
from training.data.test_set import CountedEvaluation
from training.evaluation.costs import Costs
from training.registry.lineage import feature_set as short_hash
from training.study.accepted_leaks import AcceptedLeaks
from training.study.budget import Budget
from training.study.selection import choose, rank
from training.study.identity import Identity, encode_identity, identify, require_same
from training.study.paired import t_interval
from training.study.plan import StudyPlan, entries
from training.study.progress import StudyProgress
from training.study.entry_record import EntryRecord
from training.study.refit import refit
from training.study.runs import ALERTS_PER_DAY, CHOSEN, PLAN, Study, StudyRuns
from training.study.settings import StudySettings, splitter
from training.study.study_runner import Conductor

#: The test part's figures are not known yet, so a study's manifest names where its own come from.
ON_FOLDS = "_folds"
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
    model: EvaluatedModel
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
        runs.run(study.run_id).log_text(PLAN, msgspec.json.format(msgspec.json.encode(plan)).decode())
        accepted.attach(runs, study)
        conductor = Conductor(plan, parts.training_data, study, runs, storage, budget=budget, progress=progress, alarm=alarm)
        left_out = conductor.run()
        finished = _require_some(runs.finished(study), left_out)
        records = rank([record for _, record in finished.values()])
        chosen = choose(records)
        run_id = finished[chosen.key][0]
        choice = settings.policy_choice(plan, data)
        model = refit(chosen, parts, plan.seeds[0], choice)
        _log_chosen(model, chosen, parts, run_id=run_id, runs=runs, costs=settings.costs)
        runs.run(study.run_id).tag(ALERTS_PER_DAY, str(choice.alerts_per_day or ""))
        runs.run(study.run_id).tag(CHOSEN, chosen.key)
    except BaseException as error:
        runs.end(study, "FAILED" if isinstance(error, Exception) else "KILLED", {})
        raise
    runs.end(study, "FINISHED", left_out)
    return Outcome(study, resumed, records, chosen, run_id, model, left_out, accepted.found)


def _log_chosen(
    model: EvaluatedModel, chosen: EntryRecord, parts: PreparedData, *, run_id: str, runs: StudyRuns, costs: Costs
) -> None:
    """Log bundle and figures to the chosen entry's run."""
    card, metrics = measure_on_validation(model, costs)
    run = runs.run(run_id)
    run.log_metrics(model.export_metrics)
    log_bundle(run, model_to_deploy(model, parts), card, {f"pr_auc{ON_FOLDS}": t_interval(chosen.by_fold)} | metrics)


def _begin(
    settings: StudySettings, identity: Identity, runs: StudyRuns, facts: Mapping[str, str], parts: PreparedData
) -> tuple[Study, bool]:
    """Return the study to be run, and whether an earlier process had begun it."""
    before = None if settings.fresh else runs.latest(settings.name)
    if before and not before.whole:
        require_same(before, identity)
        runs.resume(before)
        return before, True
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


def _require_some(finished: dict[str, _Finished], left_out: Mapping[str, str]) -> dict[str, _Finished]:
    if finished:
        return finished
    reasons = "; ".join(sorted(set(left_out.values())))
    raise StudyError(f"no entry was finished ({reasons}); give more --budget, or look at the runs in MLflow")


def _refuse(_: CountedEvaluation) -> None:
    raise StudyError("a study does not look at the test part; fraud-train evaluate --final does")
