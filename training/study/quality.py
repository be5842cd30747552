"""Metrics over seeds: how good a study's chosen model is, and how much of a single value is due to chance."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct
from optuna.storages import BaseStorage

from schemas.manifest import Metric
from stream.models.bundle_store import BundleStore
from training.data.dataset import Dataset
from training.data.featureset import FeatureSet
from training.data.leaks import LeakAlarm, LeakName
from training.data.training_data import prepare
from training.evaluation.costs import Costs
from training.evaluation.figures import FigureSettings, evaluate_both
from training.evaluation.policy_choice import PolicyChoice, default_policy_kind
from training.evaluation.scored_rows import ScoredRows
from training.registry.versions import Registry
from training.study.accepted_leaks import AcceptedLeaks
from training.study.budget import Budget
from training.study.final_evaluation import evaluate_test_set
from training.study.identity import (
    Identity,
    identify,
    require_same_data,
    require_same_features,
    same_identity,
    split_of,
)
from training.study.plan import StudyPlan
from training.study.progress import StudyProgress
from training.study.refit import refit
from training.study.runs import Study, StudyRuns
from training.study.settings import StudySettings, split_function
from training.study.study import run_study


class SeedFigures(Struct, frozen=True):
    """The metrics on the test set for one seed.

    Attributes:
        seed: Seed of the split or the model.
        chosen: Key of the entry that was chosen on the folds.
        metrics: Metrics of `evaluate_both`, by name.
    """

    seed: int
    chosen: str
    metrics: dict[str, Metric]


@dataclass(frozen=True)
class QualityRunner:
    """Measures how the metrics of studies vary over seeds.

    Attributes:
        data: Data set of the studies.
        features: Feature set of the studies.
        runs: Access to the studies in MLflow.
        registry: Access to the registered model, to find the champion.
        store: Bundle store.
        storage: Storage of Optuna's trials.
        progress: Progress display.
        accepted: Names of the leaks that do not stop a study.
        costs: Costs for policies and metrics.
    """

    data: Dataset
    features: FeatureSet
    runs: StudyRuns
    registry: Registry
    store: BundleStore
    storage: BaseStorage
    progress: StudyProgress
    accepted: tuple[LeakName, ...] = ()
    costs: Costs = field(default_factory=Costs)

    def over_splits(self, plan: StudyPlan, seeds: Sequence[int]) -> list[SeedFigures]:
        """Run and evaluate one study for each seed of the stratified split.

        The seeds are independent: each study searches, chooses, calibrates and sets thresholds inside its own split. A
        seed that was measured before, with the same plan and data, is not run again.

        Args:
            plan: Plan of each study.
            seeds: Seeds of the splits.

        Raises:
            FraudError: If `run_study` or `evaluate_test_set` fails.
        """
        plans = (msgspec.structs.replace(plan, name=f"{plan.name}-stratified-{seed}") for seed in seeds)
        return [self._measure_split(each, seed) for each, seed in zip(plans, seeds, strict=True)]

    def over_model_seeds(self, study: Study, seeds: Sequence[int]) -> list[SeedFigures]:
        """Fit a study's chosen entry once with each seed, and evaluate all models on the test set at once.

        Args:
            study: Finished study.
            seeds: Model seeds.

        Raises:
            StudyError: If the study has no chosen entry, or was run on different data or features.
            QualityError: If the scores of a model and its ONNX export differ.
            LeakError: If a PR-AUC is too good to be true.
        """
        key = study.require_chosen_key()
        require_same_data(study, self.data)
        require_same_features(study, self.features)
        alarm = self._alarm(study)
        parts = prepare(
            self.data,
            self.features,
            split=split_function(split_of(study)),
            folds=0,
            alarm=alarm,
            on_evaluation=lambda counted: self.runs.count_evaluation(study, counted),
            evaluations=study.evaluations,
        )
        _, record = self.runs.finished(study)[key]
        choice = PolicyChoice(default_policy_kind(self.data), self.costs, study.alerts_per_day)
        models = [refit(record, parts, seed, choice) for seed in seeds]
        test = parts.test_set.open(f"model seeds {', '.join(map(str, seeds))}")
        matrix, settings = test.matrix(parts.plan), FigureSettings(costs=self.costs)
        measured = []
        for seed, model in zip(seeds, models, strict=True):
            scored = ScoredRows.of(model.session.score(matrix), test)
            figures = SeedFigures(seed, key, evaluate_both(scored, model.policy, model.comparison, settings))
            alarm.check_pr_auc(figures.metrics["pr_auc"].value, f"the test set, by {key} with seed {seed}")
            measured.append(figures)
        return measured

    def _measure_split(self, plan: StudyPlan, seed: int) -> SeedFigures:
        settings = StudySettings(plan.name, f"stratified-{seed}", self.accepted, costs=self.costs)
        identity = identify(plan, self.data, self.features, settings.split)
        if not self._was_run(plan.name, identity):
            run_study(
                plan,
                self.data,
                self.features,
                settings,
                runs=self.runs,
                storage=self.storage,
                budget=Budget(None),
                progress=self.progress,
            )
        study = self.runs.require(plan.name)
        evaluation = self.runs.last_evaluation(study) or evaluate_test_set(
            study,
            self.data,
            runs=self.runs,
            registry=self.registry,
            store=self.store,
            alarm=self._alarm(study),
            costs=self.costs,
            again=False,
        )
        return SeedFigures(seed, study.require_chosen_key(), evaluation.selected.metrics)

    def _was_run(self, name: str, identity: Identity) -> bool:
        study = self.runs.latest(name)
        return study is not None and study.complete and same_identity(study, identity)

    def _alarm(self, study: Study) -> LeakAlarm:
        """Return a leak alarm that records accepted leaks on the study's run."""
        leaks = AcceptedLeaks()
        leaks.attach(self.runs, study)
        return LeakAlarm(leaks.record, self.accepted)
