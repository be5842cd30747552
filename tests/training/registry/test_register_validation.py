"""`fraud-train register` validates a bundle first; a person may accept one that fails, with a reason on record."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from mlflow.tracking import MlflowClient

from schemas.errors import DataError, QualityError
from schemas.manifest import TrainingWindow
from tests.support.bundles import NUMERIC
from tests.training.frames import make_frame
from tests.training.registry.conftest import MakeRun
from tests.training.validation.models import YAML, edit_manifest, make_bundle, make_rows
from training.bundling.write_bundle import BUNDLE_ARTIFACT
from training.cli import cli
from training.data.dataset import load
from training.registry.access import RegistryAccess

Run = Callable[..., Result]
MINE = ("--data", "mine.csv", "--description", "mine.yaml")
HIDING = {"channel": -6.0, "bias": -3.1}


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the directory of this test's MLflow, with labelled data and their description."""
    monkeypatch.chdir(root.parent)
    for name in ("FRAUD_KAFKA_BOOTSTRAP", "FRAUD_BUNDLE_STORE", "FRAUD_ARCHIVE_URL"):
        monkeypatch.delenv(name, raising=False)
    make_rows().write_csv("mine.csv")
    Path("mine.yaml").write_text(YAML)
    return lambda *arguments: CliRunner().invoke(cli, arguments)


@pytest.fixture
def made(make_run: MakeRun, tmp_path: Path) -> Callable[..., str]:
    """Factory: make a finished run with a bundle, and return its id."""
    count = iter(range(100))

    def make(**bundle: float) -> str:
        directory = make_bundle(tmp_path / f"made-{next(count)}", **bundle)  # type: ignore[arg-type]
        return make_run(lambda run: run.log_files(directory, BUNDLE_ARTIFACT), bundle=False)

    return make


def test_a_bundle_that_passes_is_registered_with_its_report(
    run: Run, made: Callable[..., str], access: RegistryAccess, client: MlflowClient, tmp_path: Path
) -> None:
    """The checks go to stderr, so stdout is the version alone; the run has the report, and version and card say so."""
    run_id = made()
    done = run("register", run_id, *MINE)
    assert done.exit_code == 0, done.exception
    assert done.stdout.startswith("version 1: bundle fraud/1, SHA-256 ")
    assert len(done.stdout.splitlines()) == 1
    assert "passed       calibration" in done.stderr
    assert "not checked  slices       there is no champion" in done.stderr
    tags = access.registry.find("1").tags
    assert (tags["validation"], "validation_override" in tags) == ("passed", False)
    report = json.loads(access.runs.fetch(run_id, "validation/validation.json", tmp_path).read_text())
    assert (report["passed"], report["report"]["use"]) == (True, "register")
    assert access.runs.holds(run_id, "validation/validation.html")
    assert "validation" in run("card", "1").output
    assert client.get_run(run_id).data.tags["validation"] == "passed"


def test_without_data_what_cannot_run_is_not_checked(run: Run, made: Callable[..., str]) -> None:
    """Registration without labelled data works as before, and says what was not checked."""
    done = run("register", made())
    assert done.exit_code == 0
    assert "not checked  calibration  there are no labelled transactions; give some with --data" in done.stderr


def test_a_bundle_that_fails_is_not_registered(run: Run, made: Callable[..., str], access: RegistryAccess) -> None:
    """The reason is one line, there is no version, and the run keeps the report."""
    run_id = made(bias=0.0)
    failed = run("register", run_id, *MINE).exception
    assert isinstance(failed, QualityError)
    assert str(failed).startswith(f"run {run_id} does not pass its validation: calibration: the mean score is ")
    assert len(str(failed).splitlines()) == 1
    assert access.registry.all() == []
    assert access.runs.get(run_id).tags["validation"].startswith("failed: calibration: ")
    assert access.runs.holds(run_id, "validation/validation.html")


def test_a_candidate_is_compared_with_the_champion(run: Run, made: Callable[..., str], access: RegistryAccess) -> None:
    """A model that is worse in one slice than the registered champion is not registered."""
    assert run("register", made(), *MINE).exit_code == 0
    access.registry.set_alias("champion", "1")
    failed = run("register", made(**HIDING), *MINE).exception
    assert isinstance(failed, QualityError)
    assert "recall in slice “channel: web” is 0.00%" in str(failed)
    assert len(access.registry.all()) == 1


def test_a_person_may_accept_a_bundle_that_fails(run: Run, made: Callable[..., str], access: RegistryAccess) -> None:
    """Who accepted it, and why, is a tag of the version and on the card, next to what failed."""
    run_id = made(bias=0.0)
    reason = ("--override-validation", "the web\nshop is closed", "--author", "ann")
    done = run("register", run_id, *MINE, *reason)
    assert done.exit_code == 0, done.exception
    tags = access.registry.find("1").tags
    assert tags["validation"].startswith("failed: calibration: ")
    assert tags["validation_override"] == "ann: the web shop is closed"
    assert "ann: the web shop is closed" in run("card", "1").output


def test_an_override_that_was_not_needed_is_not_recorded(
    run: Run, made: Callable[..., str], access: RegistryAccess
) -> None:
    """A reason is recorded only for a bundle that fails; a later pass replaces an earlier failure."""
    run_id = made()
    assert isinstance(run("register", run_id, *MINE, "--override-validation", " ").exception, DataError)
    assert run("register", run_id, *MINE, "--override-validation", "just in case").exit_code == 0
    assert "validation_override" not in access.registry.find("1").tags


def test_the_ulb_data_are_used_if_the_model_was_trained_on_them(
    run: Run, make_run: MakeRun, access: RegistryAccess, root: Path, tmp_path: Path
) -> None:
    """Without --data, the downloaded data serve a model that was trained on them, and the use is counted."""
    file = root / "data" / "creditcard.parquet"
    file.parent.mkdir()
    make_frame().write_parquet(file)
    rows = load(file)
    first = int(pl.Series(rows.event_time_ms).search_sorted(rows.event_time_ms[len(rows) * 6 // 10]))
    window = TrainingWindow(0, int(rows.event_time_ms[first]), first, 1, rows.sha256)
    directory = make_bundle(tmp_path / "ulb", reference=True)
    edit_manifest(directory, training_window=window)
    assert NUMERIC == ("V1", "V2", "V3")
    run_id = make_run(lambda active: active.log_files(directory, BUNDLE_ARTIFACT), bundle=False)
    done = run("register", run_id, "--override-validation", "only a test")
    assert done.exit_code == 0, done.exception
    assert "calibration  " in done.stderr
    assert "not checked  calibration" not in done.stderr
    assert access.runs.get(run_id).tags["validation_evaluations"] == "1"


def test_a_description_without_data_is_bad_usage(run: Run, made: Callable[..., str]) -> None:
    """The description would describe nothing."""
    assert run("register", made(), "--description", "mine.yaml").exit_code == 2


def test_a_broken_champion_does_not_prevent_its_replacement(
    run: Run, made: Callable[..., str], access: RegistryAccess, root: Path
) -> None:
    """If the champion's bundle is lost, a new model is registered without the comparison, and the report says so."""
    assert run("register", made(), *MINE).exit_code == 0
    access.registry.set_alias("champion", "1")
    shutil.rmtree(root / "bundles" / "fraud" / "1")
    done = run("register", made(), *MINE)
    assert done.exit_code == 0, done.exception
    assert "not checked  cost         the champion cannot be read: bundle fraud/1 cannot be read" in done.stderr
