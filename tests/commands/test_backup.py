"""`fraud-stream backup` saves and restores what the settings and options name."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from schemas.errors import BackupError
from stream.cli import cli
from stream.settings import Settings
from tests.support.bundles import put_bundle

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `fraud-stream backup` with ledger and bundle store in the named folder below the temporary directory."""

    def invoke(folder: str, *arguments: str) -> Result:
        root = tmp_path / folder
        settings = Settings().replace(ledger_url=f"sqlite:///{root}/ledger.db", bundle_store=str(root / "bundles"))
        return CliRunner(env=dict(settings.environment())).invoke(cli, ["backup", *arguments])

    return invoke


@pytest.fixture
def backup(tmp_path: Path, run: Run) -> str:
    """A backup of ledger, bundle store and another database."""
    source = tmp_path / "source"
    put_bundle(source / "bundles")
    for name in ("ledger.db", "mlflow.db"):
        with closing(sqlite3.connect(source / name)) as database:
            database.execute(f"CREATE TABLE {name.partition('.')[0]} (number)")
    directory = str(tmp_path / "backup")
    (source / "artifacts").mkdir()
    (source / "artifacts/model").write_text("a model")
    named = ("--database", f"mlflow=sqlite:///{source}/mlflow.db", "--folder", f"mlartifacts={source}/artifacts")
    chosen = ("--part", "ledger", "--part", "bundles", "--part", "mlflow", "--part", "mlartifacts")
    done = run("source", "create", directory, *chosen, *named)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[:4] == ["ledger", "mlflow", "bundles", "mlartifacts"], "databases come before files"
    assert "5 files" in done.output
    return directory


def test_parts_are_restored_to_where_the_settings_say(tmp_path: Path, run: Run, backup: str) -> None:
    """Parts are chosen by name; a second restore of the same part is refused."""
    target = tmp_path / "target"
    done = run("target", "restore", backup, "--part", "bundles")
    assert done.exit_code == 0, done.output
    assert "0.0 hours old" in done.output
    assert (target / "bundles/fraud/1/manifest.json").exists()
    assert not (target / "ledger.db").exists()
    done = run("target", "restore", backup, "--part", "ledger", "--part", "bundles")
    assert isinstance(done.exception, BackupError)
    assert not (target / "ledger.db").exists()
    named = ("--database", f"mlflow=sqlite:///{target}/mlflow.db", "--folder", f"mlartifacts={target}/artifacts")
    chosen = ("--part", "ledger", "--part", "mlflow", "--part", "mlartifacts")
    assert run("target", "restore", backup, *chosen, *named).exit_code == 0
    assert (target / "artifacts/model").read_text() == "a model"
    with closing(sqlite3.connect(target / "mlflow.db")) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("mlflow",)]


def test_a_backup_is_verified(run: Run, backup: str) -> None:
    """The command says what the backup has, or what is wrong with it."""
    done = run("source", "verify", backup)
    assert done.exit_code == 0
    assert "5 files" in done.output
    assert "parts ledger, mlflow, bundles, mlartifacts, all intact" in done.output
    (Path(backup) / "bundles/fraud/1/model.onnx").write_bytes(b"")
    assert "has 0 bytes instead of" in str(run("source", "verify", backup).exception)


@pytest.mark.parametrize(("days", "warns"), [(29, False), (31, True)])
def test_a_ledger_that_cannot_catch_up_is_a_warning(run: Run, backup: str, days: int, warns: bool) -> None:
    """Kafka keeps decisions for 30 days: an older backup is restored, but what it will lack is said."""
    path = Path(backup) / "backup.json"
    manifest = json.loads(path.read_bytes())
    path.write_text(json.dumps(manifest | {"created_at_ms": manifest["created_at_ms"] - days * 86_400_000}))
    done = run("target", "restore", backup, "--part", "ledger")
    assert done.exit_code == 0, done.output
    assert ("warning: topic decisions is kept for 30 days" in done.output) is warns


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--part", "bundle"), "there is no part bundle, only roles, ledger, bundles"),
        (("--part", "keys"), "there is no part keys"),
        (("--database", "mlflow"), "is not NAME=URL"),
        (("--folder", "../x=var"), "is not NAME=URL"),
        (("--database", "mlflow=mysql://db/mlflow"), "begins with neither sqlite:/// nor postgresql"),
        (("--folder", "bundles=var"), "there are two parts bundles"),
    ],
)
def test_wrong_usage_is_an_error(tmp_path: Path, run: Run, arguments: tuple[str, str], expected: str) -> None:
    """Wrong usage has exit code 2, and no directory is created."""
    done = run("source", "create", str(tmp_path / "new"), *arguments)
    assert done.exit_code == 2
    assert expected in " ".join(done.output.split())
    assert not (tmp_path / "new").exists()
