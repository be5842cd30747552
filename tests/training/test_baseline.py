"""The baseline from data to bundles, on synthetic data."""

import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import polars as pl
import pytest
from mlflow.tracking import MlflowClient

import training.models.families
from schemas.errors import BundleError, LeakError, QualityError
from schemas.manifest import Metric
from schemas.messages import BundleRef
from stream.control.role_reader import current_roles
from stream.models.bundle import LoadedModel, read_bundle
from stream.models.bundle_store import BundleStore
from stream.scoring.policy import VERDICTS, severities
from stream.settings import Settings
from tests.training.frames import make_frame
from tests.training.trained import Trained
from training.baseline import MIN_PR_AUC, STEPS, count_evaluations, require_quality, run_baseline
from training.bundling.parity import PARITY_ROWS
from training.data.dataset import load
from training.data.leaks import LeakName
from training.data.split import split_by_time
from training.evaluation.plots import PLOTS
from training.offline import export_scores, part_of
from training.registry.card import read_figures
from training.registry.connection import connect
from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment
from training.registry.history import PromotionHistory
from training.registry.promote import Promoter
from training.registry.roles import load_roles, publish, save_roles
from training.registry.runs import MlflowRuns
from training.registry.versions import Registry

ALGORITHMS = ("lightgbm", "xgboost", "extra-trees")
#: In the same order.
ALIASES = ("champion", "challenger", "challenger-2")


def refs(trained: Trained) -> tuple[BundleRef, ...]:
    """Return the references to the bundles, champion first."""
    return (trained.roles.champion, *trained.roles.challengers)


def models(trained: Trained) -> list[LoadedModel]:
    """Return the models as the stream reads them."""
    return [read_bundle(BundleStore(trained.store), ref) for ref in refs(trained)]


def client(trained: Trained) -> MlflowClient:
    """Return a plain MLflow client."""
    return MlflowClient(f"sqlite:///{trained.root / 'mlflow.db'}")


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train small models, for tests that do not depend on the models' metrics."""
    monkeypatch.setattr(training.models.families, "TREES", 20)


def test_the_stream_accepts_every_bundle(trained: Trained) -> None:
    """Each bundle passes the audit of the stream, and its manifest describes its training correctly."""
    split = split_by_time(load(trained.data))
    assert tuple(model.manifest.algorithm for model in models(trained)) == ALGORITHMS
    for model in models(trained):
        window = model.manifest.training_window
        assert (window.rows, window.frauds) == (len(split.train), split.train.label.sum())
        assert window.end_ms == split.validation.event_time_ms[0]
        assert window.data_sha256 == split.train.sha256
        assert len(model.manifest.parity.rows) == PARITY_ROWS
        assert set(model.manifest.reference) == set(model.manifest.feature_names)
        for profile in model.manifest.reference.values():
            assert sum(profile.bin_counts) + profile.missing == len(split.train)
        verdicts, scores = model.manifest.verdict_reference, model.manifest.score_reference
        assert verdicts is not None
        assert scores is not None
        assert verdicts.approved + verdicts.reviewed + verdicts.declined == sum(scores.bin_counts)
        assert sum(scores.bin_counts) == len(split.validation)
        assert "Time" not in model.manifest.feature_names
        assert [f.kind for f in model.manifest.features if f.name == "Amount"] == ["amount_minor"]


def test_no_bundle_holds_a_pickle(trained: Trained) -> None:
    """A bundle has only text files and one ONNX graph, so reading it executes no code."""
    for ref in refs(trained):
        files = [file for file in (Path(trained.store) / ref.path).rglob("*") if file.is_file()]
        assert {file.suffix for file in files} <= {"", ".json", ".onnx", ".yaml", ".txt"}
        assert not any(file.read_bytes().startswith(b"\x80") for file in files)


def test_a_score_does_not_depend_on_the_batch(trained: Trained) -> None:
    """A score has the same bits alone, in small batches and in one large batch."""
    rows = load(trained.data).part(slice(0, 300))
    for model in models(trained):
        matrix = rows.matrix(model.plan)
        together = model.onnx.score(matrix)
        for size in (1, 7, 64):
            parts = [model.onnx.score(matrix[at : at + size]) for at in range(0, len(matrix), size)]
            assert np.concatenate(parts).tobytes() == together.tobytes()


def test_every_model_is_a_run_with_figures_plots_and_lineage(trained: Trained) -> None:
    """Each run has parameters, metrics with intervals (also without repeats), plots, data hash and code version."""
    for model in models(trained):
        run = client(trained).get_run(model.manifest.mlflow_run_id)
        assert run.info.status == "FINISHED"
        assert run.data.params["trees"] == "300"
        for name in (
            "pr_auc",
            "roc_auc",
            "precision",
            "recall",
            "f1",
            "comparison_f1",
            "value_recall",
            "expected_cost",
        ):
            for key in (name, f"{name}_not_repeated"):
                low, value, high = (run.data.metrics[f"{key}{end}"] for end in ("_low", "", "_high"))
                assert low <= value <= high
                assert model.manifest.metrics[key].value == value
        assert run.data.tags["data_sha256"] == model.manifest.training_window.data_sha256
        assert {"git_commit", "git_dirty"} <= run.data.tags.keys()
        plots = {file.path for file in client(trained).list_artifacts(run.info.run_id, "plots")}
        assert plots == {f"plots/{name}" for name in PLOTS}


def test_the_cheapest_policy_is_deployed_and_the_best_f1_only_compared(trained: Trained) -> None:
    """The card shows both policies, and the bundle contains the policy with the least cost."""
    runs = MlflowRuns(trained.experiment.connection)
    for model, loaded in zip(trained.models, models(trained), strict=True):
        figures = read_figures(model.run_id, runs)
        assert figures is not None
        assert figures.part == "test"
        assert {point.name: point.policy for point in figures.operating_points} == {
            "deployed": loaded.manifest.policy,
            "comparison": model.evaluated.comparison,
        }
        assert loaded.manifest.policy.version == f"{loaded.manifest.algorithm}-cost"
        assert (loaded.manifest.policy.kind, model.evaluated.comparison.kind) == ("expected_loss", "score")
        assert figures.slices
        assert figures.calibration
        for name, metric in figures.metrics.items():
            assert loaded.manifest.metrics[name] == metric


@pytest.mark.usefixtures("few_trees")
def test_a_leak_stops_the_baseline_unless_it_is_accepted(
    empty_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Callable[[pl.DataFrame], Path]
) -> None:
    """A leak stops the baseline unless it is accepted, in which case the runs record it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(empty_mlflow, tmp_path)
    frame, experiment = make_frame(), MlflowExperiment(connect(tmp_path), BASELINE_EXPERIMENT)
    rows = load(save(frame.with_columns(V1=frame["Class"] + frame["V1"] / 1e3)))
    with pytest.raises(LeakError, match="feature-too-good: V1 alone has average precision"):
        run_baseline(rows, str(tmp_path / "bundles"), experiment, lambda _: None)
    accepted: tuple[LeakName, ...] = ("feature-too-good", "pr-auc-too-good")
    _, trained_models = run_baseline(rows, str(tmp_path / "bundles"), experiment, lambda _: None, accepted=accepted)
    recorded = MlflowRuns(experiment.connection).get(trained_models[0].run_id).tags["accepted_leaks"]
    assert recorded.startswith("feature-too-good: V1 alone")


def test_the_registry_serves_each_version_with_the_streams_score(trained: Trained) -> None:
    """Versions name their bundles, and MLflow scores like the stream. Without Kafka, no version has a role."""
    registry = Registry(trained.experiment.connection)
    for ref in refs(trained):
        assert registry.by_bundle()[ref.sha256].bundle == ref
    champion = models(trained)[0]
    matrix = load(trained.data).part(slice(0, 50)).matrix(champion.plan)
    version = client(trained).get_model_version("fraud", registry.by_bundle()[champion.sha256].number)
    served = mlflow.pyfunc.load_model(version.source).predict(matrix)
    np.testing.assert_array_equal(served["score"], champion.onnx.score(matrix))


def test_progress_names_every_step(trained: Trained) -> None:
    """Progress is reported as often as announced, so the progress bar is full at the end."""
    assert len(trained.steps) == STEPS


def test_offline_scores_are_the_streams(trained: Trained, tmp_path: Path) -> None:
    """The file of offline scores has one row per transaction, with the stream's score and verdict by each model."""
    out = tmp_path / "scores.parquet"
    rows = part_of(load(trained.data), "test")
    export_scores(rows, trained.roles, trained.store, out)
    written = pl.read_parquet(out)
    assert written["transaction_id"].to_list() == [str(row) for row in rows.row]
    for model in models(trained):
        scores = model.onnx.score(rows.matrix(model.plan))
        np.testing.assert_array_equal(written[f"score_{model.manifest.version}"], scores)
        verdicts = [VERDICTS[i] for i in severities(scores, model.manifest.policy, rows.amount_minor)]
        assert written[f"verdict_{model.manifest.version}"].to_list() == verdicts


@pytest.mark.usefixtures("few_trees")
def test_a_second_baseline(trained: Trained, tmp_path: Path) -> None:
    """A second baseline continues the count of test-set evaluations and skips versions that the store already has."""
    rows, experiment = load(trained.data), trained.experiment
    evaluations = count_evaluations(experiment, rows.sha256)
    for ref in refs(trained):
        (tmp_path / "bundles" / ref.path).mkdir(parents=True)
    for number in range(1, 10):
        (tmp_path / "bundles" / "fraud" / str(number)).mkdir(exist_ok=True)
    roles, trained_models = run_baseline(rows, str(tmp_path / "bundles"), experiment, lambda _: None)
    runs = MlflowRuns(experiment.connection)
    assert evaluations >= 1
    assert {runs.get(model.run_id).tags["looks"] for model in trained_models} == {str(evaluations + 1)}
    assert count_evaluations(experiment, rows.sha256) == evaluations + 1
    assert count_evaluations(experiment, "0" * 64) == 0
    assert [ref.version for ref in (roles.champion, *roles.challengers)] == ["10", "11", "12"]


@pytest.mark.usefixtures("few_trees")
def test_a_champion_that_learnt_nothing_is_not_registered(trained: Trained, tmp_path: Path) -> None:
    """With random labels, the baseline fails. Its runs remain to show why, and registry and store do not change."""
    data = tmp_path / "noise.parquet"
    frame = make_frame()
    frame.with_columns(frame["Class"].shuffle(seed=1)).write_parquet(data)
    before = len(client(trained).search_model_versions("name = 'fraud'"))
    with pytest.raises(QualityError, match=r"PR-AUC on the test set is 0\.\d+ .* below 0\.6; .* --min-pr-auc"):
        run_baseline(load(data), str(tmp_path / "bundles"), trained.experiment, lambda _: None, min_pr_auc=0.6)
    assert len(client(trained).search_model_versions("name = 'fraud'")) == before
    assert not (tmp_path / "bundles").exists()
    experiment = client(trained).get_experiment_by_name("fraud-baseline")
    assert experiment is not None
    newest = client(trained).search_runs([experiment.experiment_id], max_results=len(ALGORITHMS))
    assert {run.info.run_name: run.info.status for run in newest} == dict.fromkeys(ALGORITHMS, "FAILED")
    assert all(run.data.metrics["pr_auc"] < 0.6 for run in newest)


@pytest.mark.parametrize("minimum", [0.0, 0.4])
def test_a_lower_limit_accepts_a_weaker_champion(minimum: float) -> None:
    """A champion that the default limit rejects is accepted at or above a lower one."""
    weak = Metric(0.4, 0.3, 0.5)
    with pytest.raises(QualityError, match=r"0\.400 \(0\.300 to 0\.500\), below 0\.75"):
        require_quality(weak, MIN_PR_AUC)
    require_quality(weak, minimum)


@pytest.mark.usefixtures("few_trees")
def test_a_failure_while_registering_leaves_no_version(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the store fails at the second bundle, no new version and no bundle remain."""
    put, calls = BundleStore.put, []

    def put_once(self: BundleStore, bundle: Path, path: str) -> None:
        calls.append(path)
        if len(calls) > 1:
            raise BundleError("disk full")
        put(self, bundle, path)

    monkeypatch.setattr(BundleStore, "put", put_once)
    before = {version.version for version in client(trained).search_model_versions("name = 'fraud'")}
    with pytest.raises(BundleError, match="disk full"):
        run_baseline(load(trained.data), str(tmp_path / "bundles"), trained.experiment, lambda _: None)
    assert {version.version for version in client(trained).search_model_versions("name = 'fraud'")} == before
    assert not list((tmp_path / "bundles" / "fraud").iterdir())


def test_roles_are_published_to_kafka_and_followed_by_aliases(
    trained: Trained, settings: Settings, tmp_path: Path
) -> None:
    """Each time roles are published from the saved file, they get a new epoch, and the aliases in MLflow follow."""
    save_roles(trained.roles, tmp_path / "models" / "baseline.json")
    roles = load_roles(tmp_path / "models" / "baseline.json")
    assert roles == trained.roles
    for epoch in (1, 2):
        assert publish(roles, settings, "note").epoch == epoch
    update = current_roles(settings.kafka, settings.topic)
    assert update is not None
    assert update.champion == roles.champion
    assert tuple(challenger.bundle for challenger in update.challengers) == roles.challengers
    assert {challenger.mode for challenger in update.challengers} == {"shadow"}
    connection = trained.experiment.connection
    store = BundleStore(trained.store)
    Promoter(Registry(connection), PromotionHistory(connection), MlflowRuns(connection), store, settings).catch_up()
    for ref, alias in zip(refs(trained), ALIASES, strict=True):
        version = client(trained).get_model_version_by_alias("fraud", alias)
        assert (version.tags["bundle_version"], version.tags["bundle_sha256"]) == (ref.version, ref.sha256)
