"""The final evaluation, which measures a study's chosen model and the champion on the test set once."""

import hashlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import StudyError
from schemas.manifest import MANIFEST_NAME, Metric
from schemas.messages import Policy
from stream.models.bundle import LoadedModel, audit, read_bundle
from stream.models.bundle_store import BundleStore
from training.bundling.write_bundle import BUNDLE_ARTIFACT
from training.data.dataset import Dataset
from training.data.leaks import LeakAlarm
from training.data.test_set import CountedTestSet
from training.evaluation.costs import Costs
from training.evaluation.figures import FigureSettings, as_comparison, evaluate
from training.evaluation.operating_points import choose_comparison
from training.evaluation.paired import compare_paired
from training.evaluation.scored_rows import ScoredRows
from training.registry.card_figures import FIGURES_ARTIFACT, CardFigures, encode_figures, measure_card_figures
from training.registry.versions import CHAMPION, Registry
from training.study.evaluation_record import FinalEvaluation, ModelFigures
from training.study.identity import require_same_data, split_of
from training.study.runs import Study, StudyRuns
from training.study.settings import split_function


@dataclass(frozen=True)
class _ScoredModel:
    """A model, its scores on the test set, and its comparison policy."""

    name: str
    model: LoadedModel
    test: ScoredRows
    comparison: Policy

    def measure(self, settings: FigureSettings) -> CardFigures:
        """Return the metrics of the model on the test set."""
        return measure_card_figures("test", self.test, self.model.manifest.policy, self.comparison, settings)


def evaluate_test_set(
    study: Study,
    data: Dataset,
    *,
    runs: StudyRuns,
    registry: Registry,
    store: BundleStore,
    alarm: LeakAlarm,
    costs: Costs,
    again: bool,
) -> FinalEvaluation:
    """Evaluate a study's chosen model and the champion on the test set, and store the result with the study.

    The evaluation is counted before any row of the test set is read, so it counts even if it fails later.

    Args:
        study: Finished study with a chosen model.
        data: Data set that the study was run on.
        runs: Access to the studies in MLflow.
        registry: Access to the registered model, to find the champion.
        store: Bundle store that contains the champion's bundle.
        alarm: Leak alarm that checks each PR-AUC.
        costs: Costs for the monetary metrics.
        again: Whether to evaluate the test set even if it has been evaluated before.

    Raises:
        StudyError: If the study has no chosen model or was run on different data, or if its test set has been evaluated
            before and `again` is false.
        BundleError: If a bundle does not pass its audit.
        LeakError: If a PR-AUC is too good to be true.
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    require_same_data(study, data)
    key = study.require_chosen_key()
    if study.evaluations and not again:
        raise StudyError(
            f"the test set of study {study.name} has been evaluated already (evaluations: {study.evaluations}); "
            "fraud-train compare shows the result. --again repeats and records the evaluation, after which the "
            "test set is no longer unseen"
        )
    parts = split_function(split_of(study))(data)
    run_id = runs.finished(study)[key][0]
    models = {key: _chosen_model(run_id, runs)}
    champion, left_out = _champion_model(registry, store, parts.test)
    models |= champion
    test_set = CountedTestSet(
        parts.test, lambda counted: runs.count_evaluation(study, counted), evaluations=study.evaluations
    )
    test = test_set.open("again" if study.evaluations else "final evaluation")
    scored_models = [_score(name, model, parts.validation, test) for name, model in models.items()]
    for scored in scored_models:
        pr_auc = float(evaluate(scored.test, scored.comparison, resamples=1)["pr_auc"].value)
        alarm.check_pr_auc(pr_auc, f"the test set, by {scored.name}")
    settings = FigureSettings(costs=costs)
    cards = [scored.measure(settings) for scored in scored_models]
    selected_figures, *champion_figures = [
        ModelFigures(scored.name, scored.model.manifest.algorithm, card.metrics)
        for scored, card in zip(scored_models, cards, strict=True)
    ]
    evaluation = FinalEvaluation(
        number=test_set.evaluations,
        evaluated_at_ms=time.time_ns() // 1_000_000,
        selected=selected_figures,
        champion=champion_figures[0] if champion_figures else None,
        differences=_differences(scored_models[1], scored_models[0], settings) if champion_figures else {},
        left_out=left_out,
    )
    runs.store_evaluation(study, evaluation)
    # Replace the metrics on the validation split, so that the chosen model's card shows the metrics on the test set.
    runs.run(run_id).log_text(FIGURES_ARTIFACT, encode_figures(cards[0]).decode())
    return evaluation


def _chosen_model(run_id: str, runs: StudyRuns) -> LoadedModel:
    with tempfile.TemporaryDirectory() as scratch:
        directory = runs.bundle(run_id, BUNDLE_ARTIFACT, Path(scratch))
        return audit(directory, hashlib.sha256((directory / MANIFEST_NAME).read_bytes()).hexdigest())


def _champion_model(registry: Registry, store: BundleStore, test: Dataset) -> tuple[dict[str, LoadedModel], str]:
    """Return the champion's model by name; if it cannot be compared, {} and the reason, which is otherwise empty."""
    number = registry.aliases().get(CHAMPION)
    if number is None:
        return {}, ""
    name, model = f"champion, version {number}", read_bundle(store, registry.find(number).bundle)
    # The test set of a stratified split covers the champion's training period, which would flatter the champion.
    if model.manifest.training_window.end_ms > int(test.event_time_ms[0]):
        return {}, f"the {name}, was trained on data from the period of this test set and is not compared"
    return {name: model}, ""


def _score(name: str, model: LoadedModel, validation: Dataset, test: Dataset) -> _ScoredModel:
    comparison = choose_comparison(_scored_rows(model, validation), f"{model.manifest.algorithm}-f1")
    return _ScoredModel(name, model, _scored_rows(model, test), comparison)


def _scored_rows(model: LoadedModel, rows: Dataset) -> ScoredRows:
    return ScoredRows.of(model.onnx.score(rows.matrix(model.plan)), rows)


def _differences(champion: _ScoredModel, selected: _ScoredModel, settings: FigureSettings) -> dict[str, Metric]:
    """Return the differences, selected model minus champion, by metric."""
    deployed = compare_paired(
        champion.test, champion.model.manifest.policy, selected.test, selected.model.manifest.policy, settings=settings
    )
    compared = compare_paired(champion.test, champion.comparison, selected.test, selected.comparison, settings=settings)
    differences = {name: pair.difference for name, pair in deployed.items()}
    return differences | as_comparison({name: pair.difference for name, pair in compared.items()})
