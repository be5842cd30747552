"""The baseline: an untuned champion and its challengers, from data to bundles in the store."""

import tempfile
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import QualityError
from schemas.manifest import Metric
from schemas.messages import Challenger
from stream.models.bundle_store import BundleStore
from training.bundling.build_bundle import Finished, scored_rows, finish, policy_kind, write
from training.data.dataset import Dataset
from training.data.featureset import DEFAULT
from training.data.leaks import Leak, LeakAlarm, LeakName
from training.data.training_data import PreparedParts, prepare
from training.data.split import split_by_time
from training.data.test_set import Look
from training.evaluation.costs import Costs
from training.evaluation.figures import evaluate_both
from training.evaluation.operating_points import PolicyKind
from training.evaluation.plots import save_plots
from training.models.families import CHALLENGERS, CHAMPION, SEED, TREES, Family
from training.registry.card_figures import FIGURES_ARTIFACT, encode_figures, measure_card
from training.registry.history import History
from training.registry.lineage import code_version, library_versions
from training.registry.promote import Promoter
from training.registry.register import register, withdraw
from training.registry.roles import AUTHOR, TrainedRoles
from training.registry.runs import Runs
from training.registry.tracking import BUNDLE_ARTIFACT, LOOKS, TrackedRun, Tracker
from training.registry.versions import RegisteredVersion, Registry
from training.study.recipe import RECIPE, Recipe, encode_recipe

Report = Callable[[str], None]
#: Champion first.
MODELS = (CHAMPION, *CHALLENGERS)
#: Calls to `report` in a whole baseline, for a progress bar.
STEPS = 3 * len(MODELS)
#: A champion below this on the time-ordered test part has not learnt the data: untuned models reach .79 to .81.
MIN_PR_AUC = 0.75
#: Suffix of the figures on test rows that do not equal an earlier row in every column.
NOT_REPEATED = "_not_repeated"


@dataclass(frozen=True)
class BaselineModel:
    """One of the models, with its figures on the test part."""

    finished: Finished
    run_id: str
    metrics: dict[str, Metric]


def run_baseline(
    rows: Dataset, store_url: str, tracker: Tracker, report: Report, *, accepted: Collection[LeakName] = ()
) -> tuple[TrainedRoles, list[BaselineModel]]:
    """Train, examine, register and store the champion and its challengers.

    Nothing is registered or stored before every model has been examined. The test part is looked at once for all of
    them; each look at the same data is counted on the runs.

    Args:
        rows: As loaded.
        store_url: Of the bundle store.
        tracker: MLflow.
        report: Told each step, for a progress display.
        accepted: Leaks that do not stop it.

    Returns:
        The bundles, and the models in the same order, champion first.

    Raises:
        DataError: If the data are too few.
        LeakError: If a leak was found that was not accepted.
        QualityError: If a model must not be published.
        BundleError: If a bundle cannot be stored.
        RegistryError: If MLflow is away or refuses.
    """
    store = BundleStore(store_url)
    registry, runs = Registry(tracker.connection), Runs(tracker.connection)
    examined = _train(rows, tracker, report, accepted)
    registered: list[RegisteredVersion] = []
    with ExitStack() as undo:
        for model in examined:
            report(f"register {model.finished.algorithm}")
            registered.append(register(model.run_id, registry, runs, store))
            undo.callback(withdraw, registered[-1], registry, store)
        undo.pop_all()
    # Roles move last: they lead to the old versions until all new ones are whole.
    refs = [version.bundle for version in registered]
    promoter = Promoter(registry, History(tracker.connection), runs, store)
    promoter.appoint(refs[0], tuple(Challenger(ref) for ref in refs[1:]), who=AUTHOR, why="baseline")
    return TrainedRoles(store_url, refs[0], tuple(refs[1:])), examined


def _train(rows: Dataset, tracker: Tracker, report: Report, accepted: Collection[LeakName]) -> list[BaselineModel]:
    """Fit and measure every model, each in a run of its own; all runs fail together."""
    open_runs: list[TrackedRun] = []
    leaks: dict[str, str] = {}

    def count(look: Look) -> None:
        for run in open_runs:
            run.tag(LOOKS, str(look.count))

    def note(leak: Leak) -> None:
        leaks.setdefault(leak.name, leak.what)

    alarm = LeakAlarm(note, accepted)
    looks = tracker.looks(rows.sha256)
    parts = prepare(rows, DEFAULT, split=split_by_time, folds=0, alarm=alarm, on_evaluation=count, looks=looks)
    tags = _lineage(rows, leaks)
    with ExitStack() as stack:
        open_runs += [stack.enter_context(tracker.run(family.algorithm, tags | _made_by(family))) for family in MODELS]
        kind = policy_kind(rows)
        made = [_make(family, parts, kind, run, report) for family, run in zip(MODELS, open_runs, strict=True)]
        test = parts.test.look("baseline")
        examined = []
        for finished, run in zip(made, open_runs, strict=True):
            report(f"examine {finished.algorithm}")
            examined.append(_examine(finished, parts, test, run))
        # Last, so that the failed runs show why.
        for model in examined:
            alarm.check_pr_auc(model.metrics["pr_auc"].value, f"the test part, by {model.finished.algorithm}")
        require_quality(examined[0].metrics["pr_auc"])
        return examined


def _make(family: Family, parts: PreparedParts, kind: PolicyKind, run: TrackedRun, report: Report) -> Finished:
    report(f"fit and export {family.algorithm}")
    training_data = parts.training_data
    fitted = family.fit(family.params, training_data.matrix, training_data.labels, features=training_data.features, seed=SEED)
    finished = finish(family.algorithm, fitted, parts, kind=kind, costs=Costs())
    run.log(family.params | {"trees": TREES, "train_rows": len(parts.train)}, {}, finished.figures)
    return finished


def _examine(finished: Finished, parts: PreparedParts, test: Dataset, run: TrackedRun) -> BaselineModel:
    """Measure a model on the test part, and log figures, plots and bundle."""
    deployed, comparison = finished.policy, finished.comparison
    scored = scored_rows(finished.session.score(test.matrix(parts.plan)), test)
    card = measure_card("test", scored, deployed, comparison)
    fresh = evaluate_both(scored.part(~test.repeat), deployed, comparison)
    metrics = card.metrics | {f"{name}{NOT_REPEATED}": metric for name, metric in fresh.items()}
    run.log({}, metrics, {})
    run.log_bytes(encode_figures(card), FIGURES_ARTIFACT)
    with tempfile.TemporaryDirectory() as scratch:
        plots = Path(scratch) / "plots"
        plots.mkdir()
        save_plots(plots, scored, {"deployed": deployed, "comparison": comparison}, Costs(), "test part")
        run.log_files(plots, plots.name)
        bundle = Path(scratch) / BUNDLE_ARTIFACT
        write(finished, parts, run.run_id, metrics, bundle)
        run.log_files(bundle, BUNDLE_ARTIFACT)
    return BaselineModel(finished, run.run_id, metrics)


def require_quality(pr_auc: Metric) -> None:
    """Refuse a champion that has not learnt the data.

    Raises:
        QualityError: If its PR-AUC on the test part is below `MIN_PR_AUC`.
    """
    if not pr_auc.value >= MIN_PR_AUC:  # also true for NaN
        raise QualityError(
            f"the champion's PR-AUC on the test part is {pr_auc.value:.3f} ({pr_auc.low:.3f} to {pr_auc.high:.3f}), "
            f"below {MIN_PR_AUC}; nothing was registered or published, look at the data and its labels"
        )


def _made_by(family: Family) -> dict[str, str]:
    recipe = Recipe(family.algorithm, family.params | {"trees": TREES}, SEED)
    return {"algorithm": family.algorithm, RECIPE: encode_recipe(recipe)}


def _lineage(rows: Dataset, leaks: Mapping[str, str]) -> dict[str, str]:
    accepted = {"accepted_leaks": "; ".join(f"{name}: {what}" for name, what in leaks.items())} if leaks else {}
    return {"data_sha256": rows.sha256} | accepted | code_version() | library_versions()
