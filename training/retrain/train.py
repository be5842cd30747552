"""The champion's recipe on new rows: fitted, calibrated, exported, put among a run's artifacts."""

import tempfile
from pathlib import Path

from schemas.errors import DataError, StudyError
from schemas.manifest import Manifest
from training.bundling.build_bundle import finish, policy_kind, write
from training.data.dataset import Dataset
from training.data.leaks import Leak, LeakAlarm
from training.data.training_data import prepare
from training.data.split import split_by_time
from training.data.test_set import Look
from training.evaluation.costs import Costs
from training.evaluation.figures import FigureSettings
from training.evaluation.operating_points import PolicyKind
from training.registry.card_figures import FIGURES_ARTIFACT, encode_figures, measure_card
from training.registry.lineage import feature_set as short_hash
from training.registry.tracking import BUNDLE_ARTIFACT, flatten
from training.retrain.gather import feature_set
from training.retrain.runs import RetrainRuns, Work
from training.study.fitting import fit
from training.study.plan import Entry
from training.study.recipe import RECIPE, Recipe, encode_recipe

#: The test part is not looked at: the gate judges on what comes next.
_ON_VALIDATION = "_validation"


def train(recipe: Recipe, champion: Manifest, data: Dataset, work: Work, runs: RetrainRuns) -> None:
    """Make a model like the champion on other rows; the run holds its bundle afterwards, and is not ended yet.

    The rows are split in order of event time and checked for leaks as a study's are. The policy is of the champion's
    kind and cost of a review, its thresholds are chosen anew.

    Args:
        recipe: The champion's.
        champion: Its manifest.
        data: As `gather` gave them.
        work: The run.
        runs: It is one of.

    Raises:
        DataError: If the rows are too few, or of several currencies where the policy weighs amounts.
        LeakError: If a leak was found that nobody accepted for the champion.
        QualityError: If the ONNX graph differs from the original.
        BundleError: If the bundle does not pass its audit.
        RegistryError: If MLflow is away or refuses.
    """
    leaks: dict[str, str] = {}

    def note(leak: Leak) -> None:
        leaks.setdefault(leak.name, leak.what)

    kind, costs = _policy(champion, data)
    alarm = LeakAlarm(note, recipe.accepted)
    parts = prepare(data, feature_set(champion), split=split_by_time, folds=0, alarm=alarm, on_evaluation=_refuse)
    entry = Entry(recipe.family, recipe.treatment, 0, recipe.legitimate_share)
    fitted = fit(entry, recipe.params, parts.training_data, slice(0, len(parts.train)), recipe.seed)
    made = finish(recipe.family, fitted.model, parts, kind=kind, costs=costs)
    card = measure_card("validation", made.validation, made.policy, made.comparison, FigureSettings(costs=costs))
    metrics = {f"{name}{_ON_VALIDATION}": metric for name, metric in card.metrics.items()}
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / BUNDLE_ARTIFACT
        write(made, parts, work.run_id, metrics, directory)
        runs.log_files(work, directory, BUNDLE_ARTIFACT)
    runs.log_bytes(work, encode_figures(card), FIGURES_ARTIFACT)
    runs.log_metrics(work, made.figures | flatten(metrics))
    tags = {
        # So that this model can be made anew when it is champion.
        RECIPE: encode_recipe(recipe),
        "algorithm": recipe.family,
        "data_sha256": data.sha256,
        "feature_set": short_hash(parts.training_data.features),
        "train_rows": str(len(parts.train)),
        "train_frauds": str(int(parts.train.label.sum())),
    }
    for key, value in (tags | {f"accepted_leak.{name}": what for name, what in leaks.items()}).items():
        runs.tag(work, key, value)


def _policy(champion: Manifest, data: Dataset) -> tuple[PolicyKind, Costs]:
    policy = champion.policy
    if policy.kind == "score":
        return policy.kind, Costs()
    if policy_kind(data) != policy.kind:
        raise DataError(
            "the champion weighs amounts against a review's cost, and the rows are of several currencies; "
            "train a model with a policy of kind score: fraud-train study --policy score"
        )
    return policy.kind, Costs(review_cost_minor=policy.review_cost_minor)


def _refuse(_: Look) -> None:
    raise StudyError("retraining does not look at the test part; the gate judges on what comes next")
