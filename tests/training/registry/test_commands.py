"""The registry commands take a run to champion and back, and report errors in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from schemas.errors import BrokerUnavailableError, FraudError
from stream.settings import Settings
from tests.training.registry.conftest import MakeRun
from training.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the directory whose `var` contains this test's MLflow."""
    monkeypatch.chdir(root.parent)
    for name in ("FRAUD_KAFKA_BOOTSTRAP", "FRAUD_BUNDLE_STORE"):
        monkeypatch.delenv(name, raising=False)
    return lambda name, *arguments: CliRunner().invoke(cli, [name, *arguments])


@pytest.fixture
def run_on_kafka(run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on this test's topics."""
    for name, value in settings.environment().items():
        if name != "FRAUD_BUNDLE_STORE":
            monkeypatch.setenv(name, value)
    return run


def test_from_a_run_to_champion_and_back(run_on_kafka: Run, make_run: MakeRun, tmp_path: Path) -> None:
    """Each command prints the new state in one line, and the history shows every change."""
    run = run_on_kafka
    registered = [run("register", make_run()).stdout for _ in range(2)]
    assert [line.partition(",")[0] for line in registered] == ["version 1: bundle fraud/1", "version 2: bundle fraud/2"]
    assert run("stage", "2").output == "version 2 is staged\n"
    promoted = run("promote", "1", "--reason", "the first").output
    assert promoted == "champion is bundle fraud/1, published as role epoch 1\n"
    challenged = run("stage", "staging", "--watch", "--reason", "tuned").output
    assert challenged == "bundle fraud/2 is a challenger, published as role epoch 2\n"
    evidence = tmp_path / "compare.html"
    evidence.write_text("better")
    assert run("promote", "2", "--reason", "better", "--author", "[ann]", "--evidence", str(evidence)).exit_code == 0
    restored = run("rollback", "--reason", "twice the alerts").output
    assert restored == "champion is bundle fraud/1, published as role epoch 4\n"
    lines = [json.loads(line) for line in run("history", "--json").output.splitlines()]
    assert [line["action"] for line in lines] == ["promote", "challenge", "promote", "rollback"]
    assert lines[2]["author"] == "[ann]"
    assert lines[2]["evidence"]["kind"] == "link"
    assert lines[2]["evidence"]["url"].endswith("/compare.html")
    shown = run("history").output.splitlines()
    assert len(shown) == 4
    assert shown[1].endswith(" UTC  challenge fraud/1 by fraud/2  [roles 2]  " + f"{lines[1]['author']}: tuned")
    assert "  promote fraud/2  [roles 3]  [ann]: better (evidence: runs:/" in shown[2]


def test_without_a_broker_no_role_changes(
    run: Run, make_run: MakeRun, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a broker, promotion, staging and rollback fail with a one-line error and leave MLflow unchanged."""
    del root
    monkeypatch.setenv("FRAUD_KAFKA_BOOTSTRAP", "127.0.0.1:9")
    monkeypatch.setattr("stream.kafka.clients.require_broker.__defaults__", (0.5,))  # seconds
    run("register", make_run())
    for arguments in (["promote", "1", "--reason", "x"], ["stage", "1"], ["rollback", "--reason", "x"], ["history"]):
        failed = run(*arguments).exception
        assert isinstance(failed, BrokerUnavailableError), arguments
        assert "127.0.0.1:9" in str(failed)
        assert len(str(failed).splitlines()) == 1


def test_the_card_of_a_version(run: Run, make_run: MakeRun, tmp_path: Path) -> None:
    """A card is printed or written to a Markdown or HTML file; an unwritable file causes a one-line error."""
    run("register", make_run())
    text = run("card", "1").output
    assert text.startswith("# Model card: fraud, version 1\n")
    for name, start in (("card.md", "# Model card"), ("card.html", "<!doctype html>")):
        assert run("card", "1", "--out", str(tmp_path / name)).output == f"{tmp_path / name}\n"
        assert (tmp_path / name).read_text().startswith(start)
    failed = run("card", "1", "--out", str(tmp_path / "no" / "card.md")).exception
    assert isinstance(failed, FraudError)
    assert str(failed).startswith("cannot write to ")
    assert str(failed).endswith(" (No such file or directory); choose another file with --out")


@pytest.mark.parametrize("arguments", [["register", "nonsense"], ["card", "previous"]])
def test_an_error_is_one_line(run: Run, arguments: list[str]) -> None:
    """Commands raise the project's own errors, which `main` prints without a traceback."""
    failed = run(*arguments).exception
    assert isinstance(failed, FraudError)
    assert len(str(failed).splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["stage", "7"], ["promote", "champion", "--reason", "x"], ["rollback", "--reason", "x"]]
)
def test_an_error_in_a_change_of_roles_is_one_line(run_on_kafka: Run, arguments: list[str]) -> None:
    """An unknown version or alias, or the lack of a champion to roll back to, causes a one-line error."""
    failed = run_on_kafka(*arguments).exception
    assert isinstance(failed, FraudError)
    assert len(str(failed).splitlines()) == 1


@pytest.mark.parametrize("arguments", [["promote", "1"], ["rollback"], ["register"], ["stage", "1", "--watch"]])
def test_bad_usage_is_exit_code_2(run: Run, arguments: list[str]) -> None:
    """A missing argument or a change of roles without a reason exits with code 2."""
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["history"], ["register", "x"], ["promote", "1", "--reason", "x"]])
def test_an_unavailable_mlflow_server_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """An unavailable server causes a one-line error that names the server without its password."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    failed = run(*arguments).exception
    assert isinstance(failed, FraudError)
    assert str(failed).startswith("MLflow at http://127.0.0.1:9: ")
    assert "secret" not in str(failed)
    assert len(str(failed).splitlines()) == 1


def test_an_mlflow_database_that_cannot_be_written_is_one_line(run: Run, root: Path) -> None:
    """An unwritable database causes a one-line error. The test uses a folder, because root may write to any file."""
    (root / "mlflow.db").unlink()
    (root / "mlflow.db").mkdir()
    failed = run("history").exception
    assert isinstance(failed, FraudError)
    assert str(failed).endswith("mlflow.db (Is a directory); fix its permissions or set MLFLOW_TRACKING_URI")


def test_a_corrupt_mlflow_database_is_one_line(run: Run, root: Path) -> None:
    """If MLflow's database file is not a SQLite database, the command fails with a one-line error."""
    (root / "mlflow.db").write_bytes(b"no database at all" * 100)
    failed = run("history").exception
    assert isinstance(failed, FraudError), repr(failed)
    assert len(str(failed).splitlines()) == 1
