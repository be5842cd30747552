"""Train the baseline, an untuned champion and its challengers, and put their bundles into the store."""

import tempfile
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import QualityError
from schemas.manifest import Metric
from stream.models.bundle_store import BundleStore
from training.bundling.build_bundle import model_to_deploy
from training.bundling.evaluated_model import EvaluatedModel, calibrate_and_export
from training.bundling.log_bundle import log_bundle
from training.data.dataset import Dataset
from training.data.featureset import DEFAULT
from training.data.leaks import Leak, LeakAlarm, LeakName
from training.data.split import split_by_time
from training.data.test_set import CountedEvaluation
from training.data.training_data import PreparedData, prepare
from training.evaluation.costs import Costs
from training.evaluation.figures import evaluate_both
from training.evaluation.plots import save_plots
from training.evaluation.policy_choice import PolicyChoice, default_policy_kind
from training.evaluation.scored_rows import ScoredRows
from training.models.families import CHALLENGERS, CHAMPION, SEED, TREES, Family
from training.registry.card_figures import measure_card_figures
from training.registry.experiment import ActiveRun, MlflowExperiment
from training.registry.lineage import code_version, library_versions
from training.registry.register import register, withdraw
from training.registry.roles import TrainedRoles
from training.registry.runs import MlflowRuns
from training.registry.versions import RegisteredVersion, Registry
from training.study.recipe import RECIPE, Recipe, encode_recipe

Report = Callable[[str], None]
#: Name of the run tag that stores how often the run's test set has been evaluated, including by the run itself.
EVALUATIONS_TAG = "looks"
#: Champion first.
MODELS = (CHAMPION, *CHALLENGERS)
#: Number of times that a whole baseline calls `report`, for a progress bar.
STEPS = 3 * len(MODELS)
#: Default lower limit of the champion's PR-AUC on the time-ordered test set. It suits the ULB data, on which untuned
#: models reach 0.79 to 0.81.
MIN_PR_AUC = 0.75
#: Suffix of metrics measured on only those test rows that do not equal an earlier row in every column.
NOT_REPEATED = "_not_repeated"


@dataclass(frozen=True)
class BaselineModel:
    """One model of the baseline, with its metrics on the test set."""

    evaluated: EvaluatedModel
    run_id: str
    metrics: dict[str, Metric]


def run_baseline(
    rows: Dataset,
    store_url: str,
    experiment: MlflowExperiment,
    report: Report,
    *,
    accepted: Collection[LeakName] = (),
    alerts_per_day: int | None = None,
    min_pr_auc: float = MIN_PR_AUC,
) -> tuple[TrainedRoles, list[BaselineModel]]:
    """Train, evaluate, register and store the champion and its challengers. Their roles are not published.

    All models are evaluated before any of them is registered or stored. All models share a single evaluation of the
    test set; each run records how often the test set of these data has been evaluated so far.

    Args:
        rows: Loaded data.
        store_url: URL of the bundle store.
        experiment: MLflow experiment of the runs.
        report: Callback that is called with the name of each step, for a progress display.
        accepted: Names of the leaks that do not stop the run.
        alerts_per_day: Daily alert budget of the deployed policies; None for the policies with the least expected cost.
        min_pr_auc: Lowest PR-AUC on the test set with which the champion is accepted.

    Returns:
        The bundles, and the models in the same order, champion first.

    Raises:
        DataError: If there are too few rows, or the validation split is too short for the alert budget.
        LeakError: If a leak was found that was not accepted.
        QualityError: If a model must not be published, such as a champion whose PR-AUC is below the limit.
        BundleError: If a bundle cannot be stored.
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    store = BundleStore(store_url)
    registry, runs = Registry(experiment.connection), MlflowRuns(experiment.connection)
    models = _train(rows, experiment, report, accepted, alerts_per_day, min_pr_auc=min_pr_auc)
    registered: list[RegisteredVersion] = []
    with ExitStack() as undo:
        for model in models:
            report(f"register {model.evaluated.algorithm}")
            registered.append(register(model.run_id, registry, runs, store))
            undo.callback(withdraw, registered[-1], registry, store)
        undo.pop_all()
    refs = [version.bundle for version in registered]
    return TrainedRoles(store_url, refs[0], tuple(refs[1:])), models


def count_evaluations(experiment: MlflowExperiment, data_sha256: str) -> int:
    """Return how often the runs of an experiment have evaluated the test set of the given data.

    Raises:
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    evaluated = f"tags.`data_sha256` = '{data_sha256}' and tags.`{EVALUATIONS_TAG}` != ''"
    newest = experiment.search(evaluated, max_results=1)
    return int(newest[0].data.tags[EVALUATIONS_TAG]) if newest else 0


def require_quality(pr_auc: Metric, minimum: float) -> None:
    """Raise an error for a champion that is not good enough.

    Raises:
        QualityError: If the champion's PR-AUC on the test set is below the minimum.
    """
    if not pr_auc.value >= minimum:  # also true for NaN
        raise QualityError(
            f"the champion's PR-AUC on the test set is {pr_auc.value:.3f} ({pr_auc.low:.3f} to {pr_auc.high:.3f}), "
            f"below {minimum:g}; nothing was registered or published; check the data and their labels, or lower the "
            "limit with --min-pr-auc"
        )


def _train(
    rows: Dataset,
    experiment: MlflowExperiment,
    report: Report,
    accepted: Collection[LeakName],
    alerts_per_day: int | None,
    *,
    min_pr_auc: float,
) -> list[BaselineModel]:
    """Fit and evaluate every model, each in a run of its own. If any model fails, all runs end as failed."""
    open_runs: list[ActiveRun] = []
    leaks: dict[str, str] = {}

    def record_evaluation(evaluation: CountedEvaluation) -> None:
        for run in open_runs:
            run.tag(EVALUATIONS_TAG, str(evaluation.number))

    def record_leak(leak: Leak) -> None:
        leaks.setdefault(leak.name, leak.details)

    alarm = LeakAlarm(record_leak, accepted)
    data = prepare(
        rows,
        DEFAULT,
        split=split_by_time,
        folds=0,
        alarm=alarm,
        on_evaluation=record_evaluation,
        evaluations=count_evaluations(experiment, rows.sha256),
    )
    choice = PolicyChoice(default_policy_kind(rows), alerts_per_day=alerts_per_day)
    tags = _lineage(rows, leaks)
    with ExitStack() as stack:
        for family in MODELS:
            own_tags = {"algorithm": family.algorithm, RECIPE: encode_recipe(_recipe(family, choice))}
            open_runs.append(stack.enter_context(experiment.run(family.algorithm, tags | own_tags)))
        fitted = [_fit(family, data, choice, run, report) for family, run in zip(MODELS, open_runs, strict=True)]
        test = data.test_set.open("baseline")
        models = []
        for evaluated, run in zip(fitted, open_runs, strict=True):
            report(f"evaluate {evaluated.algorithm}")
            models.append(_evaluate(evaluated, data, test, run))
        # This check comes last, so that failed runs contain the metrics that explain the failure.
        for model in models:
            alarm.check_pr_auc(model.metrics["pr_auc"].value, f"the test set, by {model.evaluated.algorithm}")
        require_quality(models[0].metrics["pr_auc"], min_pr_auc)
        return models


def _fit(family: Family, data: PreparedData, choice: PolicyChoice, run: ActiveRun, report: Report) -> EvaluatedModel:
    report(f"fit and export {family.algorithm}")
    training = data.training_data
    fitted = family.fit(family.params, training.matrix, training.labels, features=training.features, seed=SEED)
    evaluated = calibrate_and_export(family.algorithm, fitted, data, choice)
    run.log_params(family.params | {"trees": TREES, "train_rows": len(data.train)})
    run.log_metrics(evaluated.export_metrics)
    return evaluated


def _evaluate(evaluated: EvaluatedModel, data: PreparedData, test: Dataset, run: ActiveRun) -> BaselineModel:
    """Measure a model on the test set, and log its metrics, plots and bundle."""
    policy, comparison = evaluated.policy, evaluated.comparison
    scored = ScoredRows.of(evaluated.session.score(test.matrix(data.plan)), test)
    card = measure_card_figures("test", scored, policy, comparison)
    not_repeated = evaluate_both(scored.part(~test.repeat), policy, comparison)
    metrics = card.metrics | {f"{name}{NOT_REPEATED}": metric for name, metric in not_repeated.items()}
    with tempfile.TemporaryDirectory() as scratch:
        plots = Path(scratch) / "plots"
        plots.mkdir()
        save_plots(plots, scored, {"deployed": policy, "comparison": comparison}, Costs(), "test set")
        run.log_files(plots, plots.name)
    log_bundle(run, model_to_deploy(evaluated, data), card, metrics)
    return BaselineModel(evaluated, run.run_id, metrics)


def _recipe(family: Family, choice: PolicyChoice) -> Recipe:
    return Recipe(family.algorithm, family.params | {"trees": TREES}, SEED, alerts_per_day=choice.alerts_per_day)


def _lineage(rows: Dataset, leaks: Mapping[str, str]) -> dict[str, str]:
    accepted = {"accepted_leaks": "; ".join(f"{name}: {details}" for name, details in leaks.items())} if leaks else {}
    return {"data_sha256": rows.sha256} | accepted | code_version() | library_versions()
