"""`make ci`: runs the workflow's targets, and says what it leaves out."""

from pathlib import Path

import pytest

from deploy import hosted_ci
from deploy.hosted_ci import Step

WORKFLOW = """\
jobs:
  style:
    name: Style
    steps: [{uses: checkout}, {run: make style}]
  unit:
    name: Unit tests, Python ${{ matrix.python }}
    strategy: {matrix: {python: ["3.11", "3.12"]}}
    steps: [{run: make test-unit}]
  again:
    name: Again
    steps: [{run: make style}, {run: make audit}]
"""


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Targets that were run, of the workflow above; `test-unit` fails."""
    targets: list[str] = []
    (tmp_path / "ci.yml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "Makefile").write_text("style:\n\ttrue\ntest-unit:\n\tfalse\naudit:\n\tfalse\n", encoding="utf-8")
    monkeypatch.setattr(hosted_ci, "WORKFLOW", tmp_path / "ci.yml")
    monkeypatch.setattr(hosted_ci, "ROOT", tmp_path)
    succeeds = hosted_ci._succeeds

    def record(target: str) -> bool:
        targets.append(target)
        return succeeds(target)

    monkeypatch.setattr(hosted_ci, "_succeeds", record)
    return targets


def test_each_target_runs_once_and_all_run(ran: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """A target that fails does not stop the others, and the exit code and the last line tell."""
    assert hosted_ci.main() == 1
    assert ran == ["style", "test-unit"]
    assert capfd.readouterr().out.endswith("1 targets succeeded, 1 failed: test-unit\n")


def test_what_is_left_out_is_named_with_the_reason(ran: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Targets that need the internet are not run, nor are other versions of Python."""
    hosted_ci.main()
    output = capfd.readouterr().out
    assert "audit" not in ran
    assert "make audit: asks a database on the internet" in output
    assert "Unit tests: the hosted CI runs them for python 3.11, 3.12; here" in output


def test_success_is_exit_code_0(ran: list[str], tmp_path: Path) -> None:
    """Without a failing target, the program succeeds."""
    (tmp_path / "Makefile").write_text("style test-unit:\n\ttrue\n", encoding="utf-8")
    assert hosted_ci.main() == 0
    assert ran == ["style", "test-unit"]


@pytest.mark.parametrize("command", ["make", "make a b", "make style && true", "ruff check", "make style\nmake types"])
def test_other_commands_are_refused(command: str) -> None:
    """A step that is not one make target would hide logic in the workflow."""
    with pytest.raises(ValueError, match="run a make target instead"):
        _ = Step("style", command).target
