"""Fit the champion's recipe to new rows, and log the new model's bundle to the request's run."""

from schemas.errors import DataError, StudyError
from schemas.manifest import Manifest
from training.bundling.build_bundle import model_to_deploy
from training.bundling.evaluated_model import calibrate_and_export, measure_on_validation
from training.bundling.log_bundle import log_bundle
from training.data.dataset import Dataset
from training.data.leaks import Leak, LeakAlarm
from training.data.split import split_by_time
from training.data.test_set import CountedEvaluation
from training.data.training_data import prepare
from training.evaluation.costs import Costs
from training.evaluation.policy_choice import PolicyChoice, default_policy_kind
from training.registry.experiment import ActiveRun
from training.registry.lineage import feature_set as short_hash
from training.retrain.gather import feature_set
from training.study.fitting import fit
from training.study.plan import Entry
from training.study.recipe import RECIPE, Recipe, encode_recipe


def train(recipe: Recipe, champion: Manifest, rows: Dataset, run: ActiveRun) -> None:
    """Fit a model to new rows with the champion's recipe, and log its bundle to the run, which is not ended.

    The rows are split in order of event time and checked for leaks as in a study. The policy is of the
    same kind as the champion's and is chosen by the same rule (cost of a review, or alert budget), with new
    thresholds. The test set is not evaluated: the gate judges the model on later transactions.

    Args:
        recipe: Recipe by which the champion was trained.
        champion: Manifest of the champion.
        rows: Labelled transactions, as `gather` writes them.
        run: Run of the request.

    Raises:
        DataError: If there are too few rows, or they are in several currencies and the policy weighs amounts.
        LeakError: If there is a leak that was not accepted for the champion.
        QualityError: If the scores of the ONNX graph and the original differ.
        BundleError: If the bundle does not pass its audit.
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    leaks: dict[str, str] = {}

    def record(leak: Leak) -> None:
        leaks.setdefault(leak.name, leak.details)

    choice = _policy_choice(recipe, champion, rows)
    alarm = LeakAlarm(record, recipe.accepted)
    data = prepare(rows, feature_set(champion), split=split_by_time, folds=0, alarm=alarm, on_evaluation=_refuse)
    entry = Entry(recipe.family, recipe.treatment, 0, recipe.legitimate_share)
    fitted = fit(entry, recipe.params, data.training_data, slice(0, len(data.train)), recipe.seed)
    evaluated = calibrate_and_export(recipe.family, fitted.model, data, choice)
    card, metrics = measure_on_validation(evaluated, choice.costs)
    run.log_metrics(evaluated.export_metrics)
    log_bundle(run, model_to_deploy(evaluated, data), card, metrics)
    tags = {
        # The recipe is logged so that this model can itself be retrained once it is the champion.
        RECIPE: encode_recipe(recipe),
        "algorithm": recipe.family,
        "data_sha256": rows.sha256,
        "feature_set": short_hash(data.training_data.features),
        "train_rows": str(len(data.train)),
        "train_frauds": str(int(data.train.label.sum())),
    }
    for key, value in (tags | {f"accepted_leak.{name}": what for name, what in leaks.items()}).items():
        run.tag(key, value)


def _policy_choice(recipe: Recipe, champion: Manifest, rows: Dataset) -> PolicyChoice:
    policy = champion.policy
    if policy.kind == "expected_loss" and default_policy_kind(rows) != policy.kind:
        raise DataError(
            "the champion weighs amounts against a review's cost, but the rows are in several currencies; "
            "train a model with a policy of kind score: fraud-train study --policy score"
        )
    # A policy that was chosen by an alert budget says nothing about the cost of a review.
    by_cost = policy.kind == "expected_loss" and recipe.alerts_per_day is None
    costs = Costs(review_cost_minor=policy.review_cost_minor) if by_cost else Costs()
    return PolicyChoice(policy.kind, costs, recipe.alerts_per_day)


def _refuse(_: CountedEvaluation) -> None:
    raise StudyError("retraining does not evaluate the test set; the gate judges the model on later transactions")
