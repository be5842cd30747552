"""Figures over seeds: how good a study's choice is, and how much of one figure is luck."""

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
from training.study.final_evaluation import look_at_test
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
from training.study.settings import StudySettings, splitter
from training.study.study import run_study


class SeedFigures(Struct, frozen=True):
    """What one seed came to, on its test part."""

    seed: int
    #: Key of the entry that was chosen on the folds.
    chosen: str
    #: Of `evaluate_both`.
    metrics: dict[str, Metric]


@dataclass(frozen=True)
class Quality:
    """Measures the studies of one MLflow over seeds."""

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
        """Run one study and take one look for each seed of the stratified split.

        Nothing passes from one seed to the next: each searches, chooses, calibrates and takes its thresholds inside
        its own split. A seed that was measured before, with the same plan on the same data, is not run again.

        Raises:
            As `run_study` and `look_at_test`.
        """
        named = (msgspec.structs.replace(plan, name=f"{plan.name}-stratified-{seed}") for seed in seeds)
        return [self._split(each, seed) for each, seed in zip(named, seeds, strict=True)]

    def over_model_seeds(self, study: Study, seeds: Sequence[int]) -> list[SeedFigures]:
        """Fit a study's chosen entry with each seed, its hyperparameters as they were found, and look once at all.

        Raises:
            StudyError: If the study has chosen nothing, or was run on other data or features.
            QualityError: If an ONNX graph differs from its original.
            LeakError: If a figure is too good to be true.
        """
        key = study.require_chosen()
        require_same_data(study, self.data)
        require_same_features(study, self.features)
        alarm = self._alarm(study)
        parts = prepare(
            self.data,
            self.features,
            split=splitter(split_of(study)),
            folds=0,
            alarm=alarm,
            on_evaluation=lambda look: self.runs.count_look(study, look),
            evaluations=study.looks,
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
            alarm.check_pr_auc(figures.metrics["pr_auc"].value, f"the test part, by {key} with seed {seed}")
            measured.append(figures)
        return measured

    def _split(self, plan: StudyPlan, seed: int) -> SeedFigures:
        settings = StudySettings(plan.name, f"stratified-{seed}", self.accepted, costs=self.costs)
        identity = identify(plan, self.data, self.features, settings.split)
        if not self._is_known(plan.name, identity):
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
        look = self.runs.last_look(study) or look_at_test(
            study,
            self.data,
            runs=self.runs,
            registry=self.registry,
            store=self.store,
            alarm=self._alarm(study),
            costs=self.costs,
            again=False,
        )
        return SeedFigures(seed, study.require_chosen(), look.selected.metrics)

    def _is_known(self, name: str, identity: Identity) -> bool:
        study = self.runs.latest(name)
        return study is not None and study.whole and same_identity(study, identity)

    def _alarm(self, study: Study) -> LeakAlarm:
        """Accept what was accepted for the study, and note what else is on its run."""
        leaks = AcceptedLeaks()
        leaks.attach(self.runs, study)
        return LeakAlarm(leaks.record, self.accepted)
