"""Running the programs of .venv-security."""

from pathlib import Path

import pytest

from deploy.security import programs
from deploy.security.programs import run, run_json
from schemas.errors import FraudError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of .venv-security/bin."""
    monkeypatch.setattr(programs, "FOLDER", tmp_path)
    return tmp_path


def _program(folder: Path, script: str) -> None:
    path = folder / "scan"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_programs_see_no_keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in the environment, with which a scanner would upload results, does not reach the program."""
    monkeypatch.setenv("BC_API_KEY", "key")
    monkeypatch.setenv("GH_TOKEN", "token")
    _program(folder, "env")
    names = {line.partition("=")[0] for line in run("scan", folder=folder).splitlines()}
    assert names & {"BC_API_KEY", "GH_TOKEN"} == set()
    assert "PATH" in names


def test_a_missing_program_is_an_error(folder: Path) -> None:
    """The error says how to install it."""
    with pytest.raises(FraudError, match="scan is not installed; run make security"):
        run("scan", folder=folder)


def test_an_unexpected_exit_code_is_an_error(folder: Path) -> None:
    """A program that crashed has found nothing, which must not look like a clean result."""
    _program(folder, "echo broken >&2; exit 3")
    with pytest.raises(FraudError, match="scan exited with 3: broken"):
        run("scan", folder=folder, accepted=(0, 1))


def test_an_accepted_exit_code_without_output_is_an_error(folder: Path) -> None:
    """A program that ends with 1 for findings prints them; with 1 and nothing, it has failed."""
    _program(folder, "echo no network >&2; exit 1")
    with pytest.raises(FraudError, match="scan exited with 1: no network"):
        run("scan", folder=folder, accepted=(0, 1))


def test_a_program_sees_the_variables_that_it_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy reaches only the program that needs the internet."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    _program(folder, "env")
    assert "HTTPS_PROXY" not in run("scan", folder=folder)
    assert "HTTPS_PROXY=http://proxy:3128" in run("scan", folder=folder, variables=["HTTPS_PROXY"])


def test_output_that_is_not_json_is_an_error(folder: Path) -> None:
    """The error says what is wrong with it."""
    _program(folder, "echo oops")
    with pytest.raises(FraudError, match="scan printed no JSON"):
        run_json("scan", folder=folder)
