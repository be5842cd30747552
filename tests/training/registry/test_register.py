"""A run becomes a complete version with its lineage, or no version at all."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from schemas.errors import BundleError, FraudError, RegistryError
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.settings import Settings
from tests.training.registry.conftest import RUN_TAGS, MakeRun
from training.registry.access import RegistryAccess
from training.registry.connection import MlflowConnection
from training.registry.experiment import ActiveRun, MlflowExperiment
from training.registry.lineage import feature_set
from training.registry.promote import Promoter
from training.registry.register import register
from training.registry.versions import BUNDLE_SHA256, RegisteredVersion, Registry

RegisterRun = Callable[[str], RegisteredVersion]


@pytest.fixture
def register_run(access: RegistryAccess) -> RegisterRun:
    """Register the bundle of a run."""
    return lambda run_id: register(run_id, access.registry, access.runs, access.store)


def nothing_is_left(access: RegistryAccess, root: Path) -> bool:
    """Return whether there is neither a version nor a bundle."""
    bundles = root / "bundles"
    return not access.registry.all() and not [file for file in bundles.rglob("*") if file.is_file()]


def test_a_version_is_its_runs_bundle_with_a_number(
    access: RegistryAccess, register_run: RegisterRun, make_run: MakeRun
) -> None:
    """The stream reads the bundle from the store under the version's number, and the run contains the same files."""
    for expected in ("1", "2"):
        run_id = make_run()
        version = register_run(run_id)
        assert (version.number, version.run_id) == (expected, run_id)
        model = read_bundle(access.store, version.bundle)
        assert (model.manifest.name, model.manifest.version) == ("fraud", expected)
        assert model.manifest.mlflow_run_id == run_id
        assert access.registry.by_bundle()[model.sha256] == version
        with access.store.fetch(version.bundle.path) as stored:
            held = access.runs.fetch(run_id, "bundle", stored.parent)
            for file in stored.iterdir():
                assert (held / file.name).read_bytes() == file.read_bytes()


def test_the_tags_hold_the_lineage(access: RegistryAccess, register_run: RegisterRun, make_run: MakeRun) -> None:
    """The tags for data, code, parent run, features and libraries describe the run, not the registering machine."""
    run_id = make_run()
    version = register_run(run_id)
    manifest = read_bundle(access.store, version.bundle).manifest
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


def test_a_number_in_the_store_is_not_used_again(register_run: RegisterRun, make_run: MakeRun, root: Path) -> None:
    """If MLflow's database is new and the store is not, the bundle gets the next free number, recorded in the tags."""
    (root / "bundles" / "fraud" / "1").mkdir(parents=True)
    version = register_run(make_run())
    assert (version.number, version.bundle.version, version.bundle.path) == ("1", "2", "fraud/2")


def test_a_run_is_registered_once(access: RegistryAccess, register_run: RegisterRun, make_run: MakeRun) -> None:
    """A second registration of a run fails with an error that names the version."""
    run_id = make_run()
    register_run(run_id)
    with pytest.raises(RegistryError, match=rf"^run {run_id} is already version 1; stage or promote that version$"):
        register_run(run_id)
    assert len(access.registry.all()) == 1


@pytest.mark.parametrize("run_id", ["0" * 32, "nonsense", "../../etc", "", "' OR 1=1"])
def test_an_unknown_run_is_one_line(access: RegistryAccess, register_run: RegisterRun, root: Path, run_id: str) -> None:
    """An unknown or malformed run id causes a one-line error."""
    with pytest.raises(RegistryError, match=rf"^MLflow has no run {re.escape(repr(run_id))}; ") as caught:
        register_run(run_id)
    assert "\n" not in str(caught.value)
    assert nothing_is_left(access, root)


def test_a_run_without_a_bundle_is_one_line(
    access: RegistryAccess, register_run: RegisterRun, make_run: MakeRun, root: Path
) -> None:
    """A run without a bundle causes a one-line error that says which runs have a bundle."""
    with pytest.raises(RegistryError, match=r"contains no bundle; register a run of `study` or `baseline` that has"):
        register_run(make_run(bundle=False))
    assert nothing_is_left(access, root)


def test_a_failed_run_is_not_registered(
    access: RegistryAccess, register_run: RegisterRun, make_run: MakeRun, root: Path
) -> None:
    """A failed run is rejected even if it contains a bundle."""
    run_ids: list[str] = []

    def fail(run: ActiveRun) -> None:
        run_ids.append(run.run_id)
        raise RuntimeError("after the bundle")

    with pytest.raises(RuntimeError):
        make_run(fail)
    with pytest.raises(RegistryError, match="has status FAILED, not FINISHED"):
        register_run(run_ids[0])
    assert nothing_is_left(access, root)


@pytest.mark.parametrize("parity", [2e-5, float("nan")])
def test_a_graph_that_differs_from_its_original_is_not_registered(
    access: RegistryAccess, register_run: RegisterRun, make_run: MakeRun, root: Path, parity: float
) -> None:
    """A run whose graph differs from the original by more than 1e-5 is rejected."""
    run_id = make_run(lambda run: run.log_metrics({"onnx_parity": parity}))
    with pytest.raises(RegistryError, match=r"differ from the original model's by .*, more than 1e-05"):
        register_run(run_id)
    assert nothing_is_left(access, root)


def test_a_bundle_that_was_tampered_with_is_not_registered(
    access: RegistryAccess, register_run: RegisterRun, make_run: MakeRun, root: Path, tmp_path: Path
) -> None:
    """A bundle that was tampered with fails registration, which uses the same audit as the stream."""

    def tamper(run: ActiveRun) -> None:
        (tmp_path / "tampered").mkdir()
        (tmp_path / "tampered" / "model.onnx").write_bytes(b"something else")
        run.log_files(tmp_path / "tampered", "bundle")

    with pytest.raises(BundleError, match=r"model.onnx does not have the SHA-256"):
        register_run(make_run(tamper))
    assert nothing_is_left(access, root)


@pytest.mark.parametrize(
    "step", ["put", "store is read-only", "read back", "figures", "complete"], ids=lambda step: step.replace(" ", "-")
)
def test_a_failure_half_way_leaves_nothing(
    access: RegistryAccess,
    register_run: RegisterRun,
    make_run: MakeRun,
    root: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """A failure at any step causes a one-line error and leaves no version or bundle; retrying later succeeds."""
    run_id = make_run()

    def disk_full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if step == "put":
        monkeypatch.setattr(access.store._files, "put_file", disk_full)
    elif step == "store is read-only":  # root may write to any folder, so a file is in its place
        (root / "bundles").write_text("")
    elif step == "read back":
        monkeypatch.setattr("training.registry.register.read_bundle", disk_full)
    elif step == "figures":
        monkeypatch.setattr("training.registry.register.write_card", disk_full)
    else:
        monkeypatch.setattr(Registry, "complete", disk_full)
    with pytest.raises(FraudError) as caught:
        register_run(run_id)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, BundleError | RegistryError)
    assert nothing_is_left(access, root)
    monkeypatch.undo()
    if (root / "bundles").is_file():
        (root / "bundles").unlink()
    assert register_run(run_id).finished


def test_an_interrupted_registration_is_deleted_by_the_next(
    access: RegistryAccess,
    make_promoter: Callable[[Settings], Promoter],
    register_run: RegisterRun,
    make_run: MakeRun,
    client: MlflowClient,
) -> None:
    """A version without a bundle hash cannot get a role, and is deleted when its run is registered again."""
    run_id = make_run()
    number = access.registry.reserve(run_id, "file:///nowhere", {})
    promoter = make_promoter(Settings())  # rejected before the broker is asked
    for change in (promoter.stage, lambda which: promoter.promote(which, author="ann", reason="because")):
        with pytest.raises(RegistryError, match=rf"was interrupted; .*fraud-train register {run_id}"):
            change(number)
    version = register_run(run_id)
    assert version.number != number
    assert [each.number for each in access.registry.all()] == [version.number]
    assert BUNDLE_SHA256 in client.get_model_version("fraud", version.number).tags


def test_an_artifact_store_that_cannot_be_written_is_one_line(mlflow: MlflowConnection, root: Path) -> None:
    """An artifact store that cannot be written causes an error that names MLflow, and the run ends as failed."""
    experiment = MlflowExperiment(mlflow, "study")
    (root / "mlartifacts").write_text("a file in place of the folder")
    with (
        pytest.raises(RegistryError, match=r"^MLflow at sqlite:.*; see MLFLOW_TRACKING_URI$"),
        experiment.run("r", {}) as run,
    ):
        run.log_files(root.parent, "files")
    assert mlflow.client.get_run(run.run_id).info.status == "FAILED"


def test_a_manifest_with_an_earlier_number_is_numbered_again(
    register_run: RegisterRun, make_run: MakeRun, access: RegistryAccess
) -> None:
    """A numbered manifest that a failed registration left in the run is replaced by the next registration."""
    run_id = make_run()
    first = register_run(run_id)
    access.registry.delete(first.number)
    second = register_run(run_id)
    assert (second.number, second.bundle.path) == ("2", "fraud/2")
    manifest = access.runs.fetch(run_id, "bundle/manifest.json", Path(access.store._root).parent)
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() == second.bundle.sha256


def test_any_fsspec_url_is_a_store(access: RegistryAccess, make_run: MakeRun) -> None:
    """Bundles can be stored at any fsspec URL, such as an in-memory store."""
    store = BundleStore("memory://registered")
    version = register(make_run(), access.registry, access.runs, store)
    assert read_bundle(store, version.bundle).sha256 == version.bundle.sha256
