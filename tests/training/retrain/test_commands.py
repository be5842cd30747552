"""The commands: a request by hand, and the watch that works it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from schemas.errors import RefusedMessageError, RolesError, StudyError
from stream.control.role_reader import current_roles
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.training.retrain.conftest import MakePlace, Place
from training.commands.retrain import retrain
from training.commands.watch import LOCK, watch
from training.study.lock import single_instance

COMMANDS = {"retrain": retrain, "watch": watch}


def run(command: str, *arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(COMMANDS[command], arguments)


def set_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set every setting that is not its default."""
    for name, value in settings.environment().items() - Settings().environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def place(make_place: MakePlace, root: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where the commands' `var` and environment are the test's own."""
    made = make_place()
    set_environment(made.settings, monkeypatch)
    monkeypatch.setenv("FRAUD_BUNDLE_STORE", str(root / "bundles"))
    monkeypatch.chdir(root.parent)
    return made


def test_asked_by_hand_and_worked_by_the_watch(place: Place) -> None:
    """The second asker is told of the first; one look of the watch, the only one, lets the new model watch."""
    place.past.live()
    said = run("retrain", "--reason", "a new\nkind of terminal").output
    assert said == "bundle fraud/1: requested (hand: a new kind of terminal)\n"
    assert "already requested (hand" in run("retrain", "--reason", "another").output
    for why in ("", "x" * 1001):  # what no reader would take is not written
        assert isinstance(run("retrain", "--reason", why).exception, RefusedMessageError)
    with single_instance(LOCK):  # two at once would work a request twice
        failed = run("watch", "--once", "--retrain", "on", "--bootstrap", place.settings.kafka.bootstrap).exception
    assert isinstance(failed, StudyError)
    assert str(failed).startswith("another fraud-train watch that retrains is running here")
    worked = run("watch", "--once", "--retrain", "on", "--bootstrap", place.settings.kafka.bootstrap)
    assert worked.output.endswith("challenger, version 2 watches as bundle fraud/2\n")
    roles = current_roles(place.settings)
    assert roles is not None
    assert [each.bundle.path for each in roles.challengers] == ["fraud/2"]


def test_without_a_champion_there_is_nothing_to_replace(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says so."""
    settings = make_settings()
    create_topics(settings.kafka, settings.topic)
    set_environment(settings, monkeypatch)
    assert isinstance(run("retrain", "--reason", "x").exception, RolesError)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--retrain", "on"], "give --bootstrap"),
        (["--every", "90"], "give that too"),
        (["--every", "0", "--retrain", "on"], "Invalid value for '--every'"),
    ],
)
def test_what_cannot_be_is_bad_usage(arguments: list[str], line: str) -> None:
    """One line says what is missing."""
    done = run("watch", *arguments)
    assert done.exit_code == 2
    assert line in done.output
