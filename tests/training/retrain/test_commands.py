"""The retraining commands: a request by hand, and `watch`, which handles requests."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from schemas.errors import RefusedMessageError, RolesError, StudyError
from stream.control.role_reader import current_roles
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.training.retrain.conftest import MakeSetup, RetrainSetup
from training.cli import cli
from training.commands.jobs.watch import RETRAIN_LOCK
from training.study.lock import single_instance


def run(command: str, *arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(cli, [command, *arguments])


def set_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment variable of every setting that differs from its default."""
    for name, value in settings.environment().items() - Settings().environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def retrain_setup(make_setup: MakeSetup, root: Path, monkeypatch: pytest.MonkeyPatch) -> RetrainSetup:
    """A setup that the commands find through environment variables and the `var` directory."""
    made = make_setup()
    set_environment(made.settings, monkeypatch)
    monkeypatch.setenv("FRAUD_BUNDLE_STORE", str(root / "bundles"))
    monkeypatch.chdir(root.parent)
    return made


def test_watch_handles_a_request_by_hand(retrain_setup: RetrainSetup) -> None:
    """A second request only reports the first, and a single check by `watch` puts the new model into shadow."""
    retrain_setup.history.simulate()
    first = run("retrain", "--reason", "a new\nkind of terminal").output
    assert first == "bundle fraud/1: requested (hand: a new kind of terminal)\n"
    assert "already requested (hand" in run("retrain", "--reason", "another").output
    for reason in ("", "x" * 1001):  # readers would reject the request, so it is not written
        assert isinstance(run("retrain", "--reason", reason).exception, RefusedMessageError)
    with single_instance(RETRAIN_LOCK):  # two processes at once would handle a request twice
        failed = run("watch", "--once", "--retrain", "on").exception
    assert isinstance(failed, StudyError)
    assert str(failed).startswith("another fraud-train watch that retrains is running in this directory")
    settings = retrain_setup.settings
    handled = run("watch", "--once", "--retrain", "on", "--bootstrap", settings.kafka.bootstrap)
    assert handled.output.endswith("challenger, version 2 runs in shadow mode as bundle fraud/2\n")
    roles = current_roles(settings.kafka, settings.topic)
    assert roles is not None
    assert [each.bundle.path for each in roles.challengers] == ["fraud/2"]


def test_without_a_champion_there_is_nothing_to_replace(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a champion, the command fails with a one-line error."""
    settings = make_settings()
    create_topics(settings.kafka, settings.topic)
    set_environment(settings, monkeypatch)
    assert isinstance(run("retrain", "--reason", "x").exception, RolesError)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--every", "90"], "--every works only with --retrain on"),
        (["--every", "0", "--retrain", "on"], "Invalid value for '--every'"),
    ],
)
def test_options_that_do_not_fit_together_are_bad_usage(arguments: list[str], line: str) -> None:
    """Options that do not fit together cause an error that says what is missing."""
    done = run("watch", *arguments)
    assert done.exit_code == 2
    assert line in done.output
