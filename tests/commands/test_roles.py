"""`fraud-stream models` and `policy` on a real Kafka: the changes that they write, and those that they reject."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from schemas.messages import BundleRef, Challenger, Exploration, ModelUpdate, Policy
from stream.cli import cli
from stream.control.role_reader import current_roles
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.command import run

AUDIT = ("--reason", "a test", "--author", "ann")


@pytest.fixture
def refs(settings: Settings) -> list[BundleRef]:
    """Return four bundles that are in the store."""
    return [put_bundle(Path(settings.bundle.store), str(number), bias=number - 4.0) for number in range(4)]


def change(settings: Settings, *arguments: str) -> ModelUpdate:
    """Run a command that must succeed, and return the roles that are then in force."""
    shown = run(*arguments, *AUDIT, settings=settings)
    assert shown.returncode == 0, shown.stderr
    roles = current_roles(settings.kafka, settings.topic)
    assert roles is not None
    assert f"roles {roles.epoch} written" in shown.stdout
    assert (roles.author, roles.note) == ("ann", "a test")
    return roles


def refused(settings: Settings, *arguments: str, code: int = 1) -> str:
    """Run a command that must fail without changing the roles, and return its error output."""
    before = current_roles(settings.kafka, settings.topic)
    shown = run(*arguments, *AUDIT, settings=settings)
    assert shown.returncode == code, shown.stdout
    assert current_roles(settings.kafka, settings.topic) == before
    assert "Traceback" not in shown.stderr
    return shown.stderr


def test_roles_that_are_not_named_stay(settings: Settings, refs: list[BundleRef]) -> None:
    """A command changes only the roles that it names; the other challengers and the exploration stay as they were."""
    assert change(settings, "models", "set", "--champion", refs[0].path).champion == refs[0]
    roles = change(settings, "models", "set", "--shadow", refs[1].path, "--split", f"{refs[2].path}=0.1")
    assert roles.challengers == (Challenger(refs[1]), Challenger(refs[2], "split", 0.1))
    roles = change(settings, "models", "set", "--split", f"{refs[1].path}=0.25", "--explore", "0.01:5000")
    assert roles.challengers == (Challenger(refs[2], "split", 0.1), Challenger(refs[1], "split", 0.25))
    assert roles.exploration == Exploration(0.01, 5000)
    shown_in_process = CliRunner(env=dict(settings.environment())).invoke(cli, ["models"]).output
    assert "1.0% of would-be declines up to 5000 minor units are let through" in shown_in_process
    roles = change(settings, "models", "set", "--champion", refs[1].path, "--salt", "new")
    assert (roles.champion, roles.previous, roles.salt) == (refs[1], refs[0], "new")
    assert roles.challengers == (Challenger(refs[2], "split", 0.1),)
    roles = change(settings, "models", "set", "--dismiss", refs[2].path, "--explore", "off")
    assert (roles.challengers, roles.exploration, roles.champion) == ((), None, refs[1])
    shown = run("models", settings=settings)
    assert "champion" in shown.stdout
    assert "previous" in shown.stdout
    assert refs[1].sha256[:12] in shown.stdout
    assert "last change: roles by ann, " in shown.stdout
    assert "a test" in shown.stdout


def test_impossible_changes_are_refused(settings: Settings, refs: list[BundleRef]) -> None:
    """For an impossible change, the command prints a one-line error that says what to do, and writes nothing."""
    assert "no champion yet" in refused(settings, "models", "set", "--shadow", refs[1].path)
    change(settings, "models", "set", "--champion", refs[0].path, "--split", f"{refs[1].path}=0.6")
    assert "is already the champion" in refused(settings, "models", "set", "--champion", refs[0].path)
    assert "add up to 1 or more" in refused(settings, "models", "set", "--split", f"{refs[2].path}=0.5")
    assert "is not a challenger; current challengers: fraud/1" in refused(
        settings, "models", "set", "--dismiss", refs[3].path
    )
    assert "cannot be read from" in refused(settings, "models", "set", "--shadow", "fraud/99")
    assert "roles are at epoch 1, not 7" in refused(settings, "models", "set", "--salt", "x", "--epoch", "7")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models", "set"], "nothing to change"),
        (["models", "set", "--split", "fraud/1=1.5"], "not a share above 0"),
        (["models", "set", "--split", "0.1"], "does not name a bundle"),
        (["models", "set", "--explore", "0.9:100"], "up to 0.5"),
        (["models", "set", "--explore", "0.1"], "has no amount"),
        (["policy", "set", "--version", "a", "--review", "0.1"], "--decline"),
        (["policy", "set", "--version", "a", "--review", "2", "--decline", "1"], "not in the range"),
        (["policy", "set", "--own", "--shadow"], "--own cannot be combined"),
    ],
)
def test_bad_usage_is_exit_code_2(settings: Settings, arguments: list[str], message: str) -> None:
    """Usage errors are reported before Kafka is queried."""
    assert message in refused(settings, *arguments, code=2)


@pytest.mark.parametrize("share", ["many", "0", "1", "nan"])
def test_a_share_is_a_number_between_0_and_1(share: str) -> None:
    """A share that is no number, or would give a challenger nothing or everything, is a usage error."""
    done = CliRunner().invoke(cli, ["models", "set", "--split", f"fraud/1={share}", "--reason", "a test"])
    assert done.exit_code == 2
    assert f"'{share}' is not a share above 0 and below 1" in done.output


def test_a_policy_is_set_shadowed_and_reset(settings: Settings, refs: list[BundleRef]) -> None:
    """The history shows each policy's author and reason, and a new policy does not change the roles."""
    assert "no champion yet" in refused(settings, "policy", "set", "--own")
    change(settings, "models", "set", "--champion", refs[0].path)
    strict = ("--version", "strict", "--review", "0.1", "--decline", "0.6")
    assert change(settings, "policy", "set", *strict).policy == Policy("strict", 0.1, 0.6)
    by_loss = ("--version", "by-loss", "--review-cost", "500", "--decline", "0.9")
    roles = change(settings, "policy", "set", "--shadow", *by_loss)
    tried = Policy("by-loss", 0.0, 0.9, "expected_loss", 500)
    assert roles.challengers == (Challenger(refs[0], policy=tried),)
    assert roles.policy == Policy("strict", 0.1, 0.6)
    assert change(settings, "policy", "set", "--own").policy is None
    shown = run("policy", "history", settings=settings)
    assert shown.stdout.index("its own") < shown.stdout.index("strict: review")
    assert "review 0.6 is above decline 0.1" in refused(
        settings, "policy", "set", "--version", "upside-down", "--review", "0.6", "--decline", "0.1"
    )


def test_models_before_the_first_champion(settings: Settings) -> None:
    """Before the first champion is published, `fraud-stream models` says how to publish one."""
    shown = run("models", settings=settings)
    assert "models set --champion PATH" in shown.stdout
