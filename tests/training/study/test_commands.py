"""The commands about studies: their output, and a one-line error for each bad input."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from schemas.errors import FraudError, StudyError
from tests.training.study.conftest import PLAN, Workspace
from training.commands.compare import compare
from training.commands.evaluate import evaluate
from training.commands.leaderboard import leaderboard
from training.commands.study import study
from training.study.left_out import LeftOut
from training.study.study import StudyOutcome, run_study

Run = Callable[..., str]
FAILED, OUT_OF_TIME = LeftOut("failed: DataError: too few rows", failed=True), LeftOut("no time was left")
COMMANDS = {"study": study, "leaderboard": leaderboard, "compare": compare, "evaluate": evaluate}


@pytest.fixture
def run(
    workspace: Workspace, data_file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """Run a command in a separate directory and return its output."""
    (workspace.root / "var").mkdir()
    (workspace.root / "mlflow.db").rename(workspace.root / "var" / "mlflow.db")
    families = [{"family": "logistic-regression", "treatments": ["none", "undersampling"]}]
    plan = PLAN | {"name": "tiny", "seeds": [0], "families": families}
    (workspace.root / "plan.yaml").write_text(yaml.safe_dump(plan))
    monkeypatch.chdir(workspace.root)
    monkeypatch.setenv("COLUMNS", "160")

    def call(name: str, *arguments: str) -> str:
        given = ["--data", str(data_file)] if name in {"study", "evaluate"} else []
        COMMANDS[name].main([*arguments, *given], prog_name=f"fraud-train {name}", standalone_mode=False)
        return capfd.readouterr().out

    return call


def test_from_a_study_to_its_final_evaluation(run: Run) -> None:
    """Each command prints its result; only the last command prints metrics on the test set."""
    out = run("study", "--plan", "plan.yaml")
    assert "chosen: logistic-regression/" in out
    assert "fraud-train register " in out
    board = run("leaderboard")
    assert "study tiny, finished" in board
    assert "the test set has not been evaluated yet" in run("compare", "--out", "page.html")
    assert Path("page.html").read_text().startswith("<!doctype html>")
    final = run("evaluate", "--final", "--store", "bundles")
    assert "on the test set, evaluation 1" in final
    assert "comparison_f1" in final
    with pytest.raises(StudyError, match="--again"):
        run("evaluate", "--final", "--store", "bundles")
    assert "evaluation 2" in run("evaluate", "--final", "--again", "--store", "bundles")
    assert run("leaderboard") == board


@pytest.mark.parametrize(
    ("left_out", "repeat"),
    [({}, False), ({"a": FAILED}, False), ({"a": OUT_OF_TIME}, True), ({"a": FAILED, "b": OUT_OF_TIME}, True)],
)
def test_study_says_to_repeat_the_command_only_if_that_would_run_another_entry(
    run: Run, monkeypatch: pytest.MonkeyPatch, left_out: dict[str, LeftOut], repeat: bool
) -> None:
    """Repeating is suggested if an entry ran out of time, but not for a failed entry, which would fail again."""

    def run_and_leave_out(*arguments: Any, **options: Any) -> StudyOutcome:
        return dataclasses.replace(run_study(*arguments, **options), left_out=left_out)

    monkeypatch.setattr("training.commands.jobs.study.run_study", run_and_leave_out)
    out = run("study", "--plan", "plan.yaml")
    assert out.count("left out: ") == len(left_out)
    assert ("repeat the same command" in out) is repeat


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("study", "--budget", "0"), "a budget of 0 minutes leaves no time"),
        (("study", "--plan", "gone.yaml"), "cannot read the plan gone.yaml"),
        (("study", "--plan", "plan.yaml", "--split", "odd"), "there is no split 'odd'; use time, or stratified-SEED"),
        (("study", "--accept-leak", "id-lik"), "--accept-leak: there is no 'id-lik'; did you mean id-like?"),
        (
            ("study", "--plan", "plan.yaml", "--storage", "nonsense://x"),
            "cannot open the storage for Optuna's trials, nonsense://x",
        ),
        (("leaderboard",), "there is no study in MLflow at sqlite:"),
        (("compare", "--study", "gone"), "there is no study called gone in MLflow at sqlite:"),
        (("evaluate", "--final"), "there is no study in MLflow"),
    ],
)
def test_bad_input_is_a_one_line_error(run: Run, arguments: tuple[str, ...], expected: str) -> None:
    """Bad input gives a one-line error that says what is wrong and what to do."""
    with pytest.raises(FraudError) as raised:
        run(*arguments)
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("arguments", [("study", "--quick", "--plan", "plan.yaml"), ("evaluate",)])
def test_bad_usage_is_an_error_of_click(run: Run, arguments: tuple[str, ...]) -> None:
    """Bad usage is reported before anything is loaded."""
    with pytest.raises(click.UsageError):
        run(*arguments)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_help_text_has_an_example(name: str) -> None:
    """Every help text ends with a command line to copy."""
    command = COMMANDS[name]
    with click.Context(command, info_name=f"fraud-train {name}") as context:
        assert f"  fraud-train {name}" in command.get_help(context)
