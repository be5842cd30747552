"""When `make security` fails: findings without an exception, exceptions without a finding, checks that did not run."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deploy.security import __main__ as program
from deploy.security.checks import CHECKS, Check, Outcome, problems, run_checks
from deploy.security.findings import Exemption, Finding, read_exceptions
from schemas.errors import FraudError

FINDING = Finding("DL3007", "serving.Dockerfile", "line 1: a moving base")
EXEMPTION = Exemption("DL3007", frozenset({"serving.Dockerfile"}), "a reason")


def _outcomes(*findings: Finding, error: str | None = None) -> list[Outcome]:
    """Outcomes of all checks; the images have findings, or did not run."""
    return [
        Outcome(name, findings if name == "images" else (), error if name == "images" else None, 0.0) for name in CHECKS
    ]


def test_a_finding_is_a_problem() -> None:
    """It is named with its check, its subject and its rule."""
    assert problems(_outcomes(FINDING), []) == ["images: serving.Dockerfile: DL3007: line 1: a moving base"]


@pytest.mark.parametrize("other", [FINDING._replace(rule="DL3008"), FINDING._replace(subject="training.Dockerfile")])
def test_an_exception_holds_for_one_rule_and_subject(other: Finding) -> None:
    """The same rule elsewhere, and another rule for the same subject, are still problems."""
    assert problems(_outcomes(FINDING), [EXEMPTION]) == []
    assert problems(_outcomes(FINDING, other), [EXEMPTION]) == [f"images: {other}"]


def test_an_exception_that_is_not_needed_is_a_problem() -> None:
    """It would hide the next weakness of its kind. If a check did not run, nobody knows whether it is needed."""
    (line,) = problems(_outcomes(), [EXEMPTION])
    assert line == "DL3007 for serving.Dockerfile is excepted, but no check reports it; remove the exception"
    assert problems(_outcomes()[:2], [EXEMPTION]) == []


def test_a_check_that_did_not_run_is_a_problem() -> None:
    """A missing program must not look like a clean result."""
    assert problems(_outcomes(error="hadolint is not installed"), [EXEMPTION]) == ["images: hadolint is not installed"]


def test_one_failing_check_does_not_stop_the_others() -> None:
    """All checks run, and the outcomes keep their order."""

    def fails(_: Path) -> Iterator[Finding]:
        raise FraudError("no such program")

    checks: dict[str, Check] = {"first": fails, "second": lambda _: [FINDING]}
    first, second = run_checks(Path(), checks)
    assert (first.name, first.error, second.findings) == ("first", "no such program", (FINDING,))


@pytest.mark.parametrize(("findings", "code"), [((), 0), ((FINDING,), 1)])
def test_the_exit_code(
    findings: tuple[Finding, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program fails if and only if there is a problem, and prints each."""
    monkeypatch.setattr(program, "run_checks", lambda *_: _outcomes(*findings))
    monkeypatch.setattr(program, "read_exceptions", list)
    assert program.main() == code
    assert ("serving.Dockerfile: DL3007" in capsys.readouterr().err) == bool(code)


def test_a_check_without_its_program_is_skipped_only_if_that_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`.ci/run` names the programs that it could not install."""
    ran: list[str] = []

    def record(_: Path, checks: Mapping[str, Check]) -> list[Outcome]:
        ran.extend(checks)
        return _outcomes()

    monkeypatch.setattr(program, "run_checks", record)
    monkeypatch.setattr(program, "read_exceptions", list)
    monkeypatch.setenv("UNAVAILABLE_TOOLS", "chromium kubectl")
    assert program.main() == 0
    assert ran == [name for name in CHECKS if name != "manifests"]
    assert "manifests  skipped: kubectl could not be installed" in capsys.readouterr().out


def test_every_exception_has_a_reason() -> None:
    """The project's own file is valid."""
    assert all(len(each.reason) > 20 for each in read_exceptions())


@pytest.mark.parametrize(
    "entry",
    [
        'rule = "R"\nsubjects = []\nreason = "Because."',
        'rule = "R"\nsubjects = ["deploy/*"]\nreason = "Because."',
        'rule = "R"\nsubjects = ["a"]\nreason = " "',
    ],
)
def test_a_blanket_exception_is_refused(entry: str, tmp_path: Path) -> None:
    """An exception names its subjects one by one, and says why."""
    path = tmp_path / "exceptions.toml"
    path.write_text(f"[[exceptions]]\n{entry}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="needs subjects by name, and a reason"):
        read_exceptions(path)
