"""A champion with a history of decisions and its retrainer, on real Kafka, MLflow, ledger and archive."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from schemas.messages import BundleRef, RetrainRequest
from stream.control.retrain_requests import Cause, new_request, request_retraining
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.training.decision_history import DecisionHistory, history_settings, opened_history
from tests.training.registry.conftest import access, make_promoter, mlflow, root, template  # noqa: F401 - fixtures
from training.bundling.write_bundle import BUNDLE_ARTIFACT
from training.registry.connection import MlflowConnection
from training.registry.experiment import MlflowExperiment
from training.registry.promote import Promoter
from training.registry.register import register
from training.retrain.retrainer import Retrainer
from training.retrain.runs import RetrainRuns
from training.study.recipe import RECIPE, Recipe, encode_recipe
from training.study.runs import StudyRuns

RECIPES = {
    "plain": Recipe("logistic-regression", {"C": 0.5, "max_iter": 200}, seed=3),
    "boosted": Recipe(
        "xgboost",
        {"trees": 12, "learning_rate": 0.3, "max_depth": 3, "tree_method": "hist"},
        seed=3,
        treatment="class_weights",
        legitimate_share=0.9,
    ),
    "budgeted": Recipe("logistic-regression", {"C": 0.5, "max_iter": 200}, seed=3, alerts_per_day=10_000),
}


@dataclass
class RetrainSetup:
    """A champion that can be retrained."""

    settings: Settings
    promoter: Promoter
    mlflow: MlflowConnection
    champion: BundleRef
    history: DecisionHistory

    @property
    def retrainer(self) -> Retrainer:
        """A new retrainer, as a new process would create it."""
        return Retrainer(
            self.promoter, RetrainRuns(self.mlflow), StudyRuns(self.mlflow), self.history.engine, self.settings
        )

    def request(self, cause: Cause = "drift", champion: str = "") -> RetrainRequest:
        """Request a new model, as the stream would."""
        request = new_request(cause, champion or self.champion.sha256, "PSI of V1 is 0.4", author="worker 0")
        settings = self.settings
        assert request_retraining(settings.kafka, settings.topic, settings.retrain, request).written
        return request


MakeSetup = Callable[..., RetrainSetup]


@pytest.fixture
def make_setup(
    make_settings: Callable[..., Settings],
    make_promoter: Callable[[Settings], Promoter],  # noqa: F811 - the fixture
    mlflow: MlflowConnection,  # noqa: F811 - as above
    tmp_path: Path,
) -> Iterator[MakeSetup]:
    """Factory: create a champion by a recipe, with references for drift if needed, and an empty history."""
    opened = ExitStack()

    def make(recipe: str | None = "plain", *, reference: bool = False, **changes: Any) -> RetrainSetup:
        defaults = {"retrain_min_frauds": 200}
        settings = make_settings(**history_settings(tmp_path), **(defaults | changes))
        create_topics(settings.kafka, settings.topic)
        promoter = make_promoter(settings)
        tags = {RECIPE: encode_recipe(RECIPES[recipe])} if recipe else {}
        with MlflowExperiment(mlflow, "study").run("champion", tags) as run:
            ref = put_bundle(tmp_path / "made", reference=reference)
            run.log_files(tmp_path / "made" / ref.path, BUNDLE_ARTIFACT)
        version = register(run.run_id, promoter.registry, promoter.runs, promoter.store)
        promoter.promote(version.number, author="ann", reason="the first")
        history = opened.enter_context(opened_history(settings, version.bundle.sha256))
        return RetrainSetup(settings, promoter, mlflow, version.bundle, history)

    with opened:
        yield make
