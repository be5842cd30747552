"""How commands end if they are interrupted, a package is missing, or the user has no name."""

import getpass
import sys
from importlib import import_module
from typing import NoReturn

import click
import pytest
from click.testing import CliRunner

from schemas.errors import FraudError, MissingPackageError
from stream.commands.command_line import run
from stream.commands.optional_packages import requires_extra
from stream.commands.role_change_options import author_option


def failing(error: BaseException) -> click.Command:
    """Return a command that raises an error."""

    def fail() -> NoReturn:
        raise error

    return click.Command("fail", callback=fail)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "fraud-test: interrupted"),
        (click.Abort(), 130, "fraud-test: interrupted"),
        (FraudError("start the broker"), 1, "fraud-test: start the broker"),
        (click.UsageError("wrong"), 2, "Error: wrong"),
    ],
    ids=["ctrl-c", "abort", "failure", "usage"],
)
def test_every_failure_is_one_line_and_an_exit_code(
    error: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scripts tell by its exit code how a command ended, and people by one line without a traceback."""
    monkeypatch.setattr(sys, "argv", ["fraud-test"])
    with pytest.raises(SystemExit) as ended:
        run(failing(error), "fraud-test")
    assert ended.value.code == code
    assert capsys.readouterr().err.splitlines()[-1] == line


def test_a_missing_package_names_its_extra() -> None:
    """The error for a missing package of an extra says what to install."""
    expected = r"the demo needs nowhere, which is not installed; .*\.\[demo\]"
    with pytest.raises(MissingPackageError, match=expected), requires_extra("demo", "the demo"):
        import_module("nowhere")


@pytest.mark.parametrize("error", [KeyError("no user 1000"), OSError("no user 1000")])
def test_a_user_without_a_name_may_change_roles(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container whose user has no name, the author of a change is the program."""

    def fail() -> NoReturn:
        raise error

    @click.command()
    @author_option
    def change(author: str) -> None:
        click.echo(author)

    monkeypatch.setattr(getpass, "getuser", fail)
    assert CliRunner().invoke(change).output == "fraud-stream\n"
