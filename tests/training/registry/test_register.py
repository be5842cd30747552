"""From a run to a version: whole, with its lineage, or not at all."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from schemas.errors import BundleError, FraudError, RegistryError
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from tests.training.registry.conftest import RUN_TAGS, MakeRun
from training.registry.lineage import feature_set
from training.registry.promote import Promoter
from training.registry.register import register
from training.registry.tracking import TrackedRun, Tracker
from training.registry.versions import BUNDLE_SHA256, RegisteredVersion, Registry


@pytest.fixture
def enter(desk: Promoter) -> Callable[[str], RegisteredVersion]:
    """Register a run."""
    return lambda run_id: register(run_id, desk.registry, desk.runs, desk.store)


Enter = Callable[[str], RegisteredVersion]


def nothing_is_left(desk: Promoter, root: Path) -> bool:
    """Whether there is neither a version nor a bundle."""
    bundles = root / "bundles"
    return not desk.registry.all() and not [file for file in bundles.rglob("*") if file.is_file()]


def test_a_version_is_its_runs_bundle_with_a_number(desk: Promoter, enter: Enter, make_run: MakeRun) -> None:
    """The stream reads it from the store under that number; its run holds the very same files."""
    for expected in ("1", "2"):
        run_id = make_run()
        version = enter(run_id)
        assert (version.number, version.run_id) == (expected, run_id)
        model = read_bundle(desk.store, version.bundle)
        assert (model.manifest.name, model.manifest.version) == ("fraud", expected)
        assert model.manifest.mlflow_run_id == run_id
        assert desk.registry.by_bundle()[model.sha256] == version
        with desk.store.fetch(version.bundle.path) as stored:
            held = desk.runs.fetch(run_id, "bundle", stored.parent)
            for file in stored.iterdir():
                assert (held / file.name).read_bytes() == file.read_bytes()


def test_lineage_stands_in_the_tags(desk: Promoter, enter: Enter, make_run: MakeRun) -> None:
    """Data, code, parent run, feature set and libraries: the run's, not those of whoever registers it."""
    run_id = make_run()
    version = enter(run_id)
    manifest = read_bundle(desk.store, version.bundle).manifest
    lineage = {name: value for name, value in version.tags.items() if not name.startswith("bundle_")}
    assert lineage == {
        "algorithm": "logistic regression",
        "data_sha256": manifest.training_window.data_sha256,
        "feature_set": feature_set(manifest.features),
        "run_id": run_id,
        "parent_run": RUN_TAGS["mlflow.parentRunId"],
        "git_commit": "c0ffee",
        "git_dirty": "false",
        "library.onnx": "1.2.3",
    }


def test_a_number_that_the_store_has_is_not_taken_again(enter: Enter, make_run: MakeRun, root: Path) -> None:
    """MLflow's database is new, the store is not: the bundle takes the next free number, its tags say which."""
    (root / "bundles" / "fraud" / "1").mkdir(parents=True)
    version = enter(make_run())
    assert (version.number, version.bundle.version, version.bundle.path) == ("1", "2", "fraud/2")


def test_a_run_is_registered_once(desk: Promoter, enter: Enter, make_run: MakeRun) -> None:
    """The second time names the version."""
    run_id = make_run()
    enter(run_id)
    with pytest.raises(RegistryError, match=rf"^run {run_id} is version 1 already; stage or promote that$"):
        enter(run_id)
    assert len(desk.registry.all()) == 1


@pytest.mark.parametrize("run_id", ["0" * 32, "nonsense", "../../etc", "", "' OR 1=1"])
def test_an_unknown_run_is_one_line(desk: Promoter, enter: Enter, root: Path, run_id: str) -> None:
    """Whatever is given as its id."""
    with pytest.raises(RegistryError, match=rf"^MLflow knows no run {re.escape(repr(run_id))}; ") as caught:
        enter(run_id)
    assert "\n" not in str(caught.value)
    assert nothing_is_left(desk, root)


def test_a_run_without_a_bundle_is_one_line(desk: Promoter, enter: Enter, make_run: MakeRun, root: Path) -> None:
    """It says what a run must hold."""
    with pytest.raises(RegistryError, match=r"holds no bundle; register a run of `study` or `baseline` that has one"):
        enter(make_run(bundle=False))
    assert nothing_is_left(desk, root)


def test_a_run_that_failed_is_not_registered(desk: Promoter, enter: Enter, make_run: MakeRun, root: Path) -> None:
    """Even when it holds a bundle."""
    held: list[str] = []

    def fail(run: TrackedRun) -> None:
        held.append(run.run_id)
        raise RuntimeError("after the bundle")

    with pytest.raises(RuntimeError):
        make_run(fail)
    with pytest.raises(RegistryError, match="did not finish, it is FAILED"):
        enter(held[0])
    assert nothing_is_left(desk, root)


@pytest.mark.parametrize("parity", [2e-5, float("nan")])
def test_a_graph_that_differs_from_its_original_is_not_registered(
    desk: Promoter, enter: Enter, make_run: MakeRun, root: Path, parity: float
) -> None:
    """1e-5 on the whole test part, as the run noted it, is the most."""
    run_id = make_run(lambda run: run.log({}, {}, {"onnx_parity": parity}))
    with pytest.raises(RegistryError, match=r"differs from the original by .*, 1e-05 is allowed"):
        enter(run_id)
    assert nothing_is_left(desk, root)


def test_a_bundle_that_was_tampered_with_is_not_registered(
    desk: Promoter, enter: Enter, make_run: MakeRun, root: Path, tmp_path: Path
) -> None:
    """The audit is the stream's own."""

    def spoil(run: TrackedRun) -> None:
        (tmp_path / "spoilt").mkdir()
        (tmp_path / "spoilt" / "model.onnx").write_bytes(b"something else")
        run.log_files(tmp_path / "spoilt", "bundle")

    with pytest.raises(BundleError, match=r"model.onnx does not have the SHA-256"):
        enter(make_run(spoil))
    assert nothing_is_left(desk, root)


@pytest.mark.parametrize(
    "step", ["put", "store is read-only", "read back", "figures", "finish"], ids=lambda step: step.replace(" ", "-")
)
def test_what_fails_half_way_leaves_nothing(
    desk: Promoter, make_run: MakeRun, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """At each step: one line, no version, no bundle; and once the cause is gone, the same run can be registered."""
    run_id = make_run()

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if step == "put":
        monkeypatch.setattr(desk.store._files, "put_file", disk_full)
    elif step == "store is read-only":  # root may write anywhere, so a file stands where the folder should
        (root / "bundles").write_text("")
    elif step == "read back":
        monkeypatch.setattr("training.registry.register.read_bundle", disk_full)
    elif step == "figures":
        monkeypatch.setattr("training.registry.register.write_card", disk_full)
    else:
        monkeypatch.setattr(Registry, "finish", disk_full)
    with pytest.raises(FraudError) as caught:
        register(run_id, desk.registry, desk.runs, desk.store)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, BundleError | RegistryError)
    assert nothing_is_left(desk, root)
    monkeypatch.undo()
    if (root / "bundles").is_file():
        (root / "bundles").unlink()
    assert register(run_id, desk.registry, desk.runs, desk.store).finished


def test_a_registration_that_was_killed_is_cleared_away_by_the_next(
    desk: Promoter, enter: Enter, make_run: MakeRun, client: MlflowClient
) -> None:
    """A version without a bundle's hash can be neither staged nor promoted, and goes when its run comes again."""
    run_id = make_run()
    number = desk.registry.reserve(run_id, "file:///nowhere", {})
    for change in (desk.stage, lambda which: desk.promote(which, who="ann", why="because")):
        with pytest.raises(RegistryError, match=rf"cut off while it was registered; .*fraud-train register {run_id}"):
            change(number)
    version = enter(run_id)
    assert version.number != number
    assert [each.number for each in desk.registry.all()] == [version.number]
    assert BUNDLE_SHA256 in client.get_model_version("fraud", version.number).tags


def test_an_artifact_store_that_cannot_be_written_is_one_line(root: Path) -> None:
    """A run's file cannot be kept: MLflow is named, the run ends as failed."""
    tracker = Tracker(root, "study")
    (root / "mlartifacts").write_text("a file where the folder should be")
    with (
        pytest.raises(RegistryError, match=r"^MLflow at sqlite:.*; see MLFLOW_TRACKING_URI$"),
        tracker.run("r", {}) as run,
    ):
        run.log_files(root.parent, "files")
    assert tracker.connection.client.get_run(run.run_id).info.status == "FAILED"


def test_an_earlier_numbers_manifest_is_no_hindrance(enter: Enter, make_run: MakeRun, desk: Promoter) -> None:
    """A registration that failed leaves a numbered manifest in the run; the next one numbers it anew."""
    run_id = make_run()
    first = enter(run_id)
    desk.registry.forget(first.number)
    second = enter(run_id)
    assert (second.number, second.bundle.path) == ("2", "fraud/2")
    manifest = desk.runs.fetch(run_id, "bundle/manifest.json", Path(desk.store._root).parent)
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() == second.bundle.sha256


def test_a_store_of_another_kind_works_too(desk: Promoter, make_run: MakeRun) -> None:
    """Any fsspec URL."""
    store = BundleStore("memory://registered")
    version = register(make_run(), desk.registry, desk.runs, store)
    assert read_bundle(store, version.bundle).sha256 == version.bundle.sha256
