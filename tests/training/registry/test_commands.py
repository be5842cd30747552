"""The registry on the command line: from a run to champion and back, and one line for what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from schemas.errors import FraudError
from tests.training.registry.conftest import MakeRun
from training.commands.card import card
from training.commands.history import history
from training.commands.promote import promote
from training.commands.register import register
from training.commands.rollback import rollback
from training.commands.stage import stage

COMMANDS: dict[str, click.Command] = {
    command.name or "": command for command in (register, stage, promote, rollback, history, card)
}

Run = Callable[..., Result]


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the directory whose `var` is the test's own MLflow."""
    monkeypatch.chdir(root.parent)
    for name in ("FRAUD_KAFKA_BOOTSTRAP", "FRAUD_BUNDLE_STORE"):
        monkeypatch.delenv(name, raising=False)
    return lambda name, *arguments: CliRunner().invoke(COMMANDS[name], arguments)


def test_from_a_run_to_champion_and_back(run: Run, make_run: MakeRun, tmp_path: Path) -> None:
    """Each command says in one line what holds now; the history says how it came to that."""
    said = [run("register", make_run()).output for _ in range(2)]
    assert [line.partition(",")[0] for line in said] == ["version 1: bundle fraud/1", "version 2: bundle fraud/2"]
    assert run("stage", "2").output == "version 2 is staged\n"
    assert run("promote", "1", "--why", "the first").output == "champion is bundle fraud/1\n"
    assert run("stage", "staging", "--watch", "--why", "tuned").output == "bundle fraud/2 watches\n"
    evidence = tmp_path / "compare.html"
    evidence.write_text("better")
    assert run("promote", "2", "--why", "better", "--who", "[ann]", "--evidence", str(evidence)).exit_code == 0
    assert run("rollback", "--why", "twice the alerts").output == "champion is bundle fraud/1\n"
    lines = [json.loads(line) for line in run("history", "--json").output.splitlines()]
    assert [line["action"] for line in lines] == ["promote", "challenge", "promote", "rollback"]
    assert lines[2]["who"] == "[ann]"
    assert lines[2]["evidence"]["kind"] == "link"
    assert lines[2]["evidence"]["url"].endswith("/compare.html")
    shown = run("history").output.splitlines()
    assert len(shown) == 4
    assert shown[1].endswith(" UTC  challenge fraud/1 by fraud/2  [MLflow only]  " + f"{lines[1]['who']}: tuned")
    assert "  promote fraud/2  [MLflow only]  [ann]: better (evidence: runs:/" in shown[2]


def test_a_card_on_demand(run: Run, make_run: MakeRun, tmp_path: Path) -> None:
    """On stdout, as Markdown file, as HTML file; a file that cannot be written is one line."""
    run("register", make_run())
    text = run("card", "1").output
    assert text.startswith("# Model card: fraud, version 1\n")
    for name, start in (("card.md", "# Model card"), ("card.html", "<!doctype html>")):
        assert run("card", "1", "--out", str(tmp_path / name)).output == f"{tmp_path / name}\n"
        assert (tmp_path / name).read_text().startswith(start)
    failed = run("card", "1", "--out", str(tmp_path / "no" / "card.md")).exception
    assert isinstance(failed, FraudError)
    assert str(failed).endswith("cannot be written (No such file or directory); choose another --out")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str) -> None:
    """It can be copied."""
    assert f"\n  fraud-train {name}" in (COMMANDS[name].epilog or "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["register", "nonsense"],
        ["stage", "7"],
        ["promote", "champion", "--why", "x"],
        ["rollback", "--why", "x"],
        ["card", "previous"],
    ],
)
def test_what_is_wrong_is_one_line(run: Run, arguments: list[str]) -> None:
    """Our own errors only, which `main` prints without a traceback."""
    failed = run(*arguments).exception
    assert isinstance(failed, FraudError)
    assert len(str(failed).splitlines()) == 1


@pytest.mark.parametrize("arguments", [["promote", "1"], ["rollback"], ["register"], ["stage", "1", "--watch"]])
def test_bad_usage_is_exit_code_2(run: Run, arguments: list[str]) -> None:
    """A change of roles without a reason is bad usage."""
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["history"], ["register", "x"], ["promote", "1", "--why", "x"]])
def test_an_mlflow_server_that_is_away_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Named without its password."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    failed = run(*arguments).exception
    assert isinstance(failed, FraudError)
    assert str(failed).startswith("MLflow at http://127.0.0.1:9: ")
    assert "secret" not in str(failed)
    assert len(str(failed).splitlines()) == 1


def test_an_mlflow_that_cannot_be_written_is_one_line(run: Run, root: Path) -> None:
    """A folder stands where its database should be; root may write anywhere else."""
    (root / "mlflow.db").unlink()
    (root / "mlflow.db").mkdir()
    failed = run("history").exception
    assert isinstance(failed, FraudError)
    assert str(failed).endswith("mlflow.db cannot be written (Is a directory); see MLFLOW_TRACKING_URI")


def test_a_database_that_is_none_is_one_line(run: Run, root: Path) -> None:
    """Cut off or overwritten: SQLite says what it is."""
    (root / "mlflow.db").write_bytes(b"no database at all" * 100)
    failed = run("history").exception
    assert isinstance(failed, FraudError), repr(failed)
    assert len(str(failed).splitlines()) == 1
