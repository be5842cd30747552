"""Staging, challenging, promoting and rolling back: aliases, history and rejected changes."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from schemas.errors import BundleError, RegistryError
from schemas.messages import LinkedEvidence
from tests.training.registry.conftest import AddVersion
from training.registry.promote import MAX_REASON, Promoter
from training.registry.versions import Registry


def promote(promoter: Promoter, which: str, reason: str = "because") -> None:
    """Promote a version with ann as the author."""
    promoter.promote(which, author="ann", reason=reason)


def test_aliases_follow_each_change(promoter: Promoter, add_version: AddVersion) -> None:
    """The aliases of champion and previous champion move, and a promoted version is no longer staged."""
    for _ in range(3):
        add_version()
    promoter.stage("2")
    assert promoter.registry.aliases() == {"staging": "2"}
    promote(promoter, "1")
    assert promoter.registry.aliases() == {"staging": "2", "champion": "1"}
    promote(promoter, "staging")
    assert promoter.registry.aliases() == {"champion": "2", "previous": "1"}
    promote(promoter, "3")
    assert promoter.registry.aliases() == {"champion": "3", "previous": "2"}
    promoter.rollback(author="bob", reason="twice the alerts")
    assert promoter.registry.aliases() == {"champion": "2", "previous": "3"}


def test_challengers_stay_until_they_are_promoted(promoter: Promoter, add_version: AddVersion) -> None:
    """The newest challenger's alias is `challenger`; the others have numbered aliases, and no version has two."""
    for _ in range(3):
        add_version()
    promote(promoter, "1")
    promoter.challenge("2", author="ann", reason="tuned")
    promoter.challenge("3", author="ann", reason="tuned more")
    promoter.challenge("3", author="ann", reason="again")
    assert promoter.registry.aliases() == {"champion": "1", "challenger": "3", "challenger-2": "2"}
    promote(promoter, "challenger")
    assert promoter.registry.aliases() == {"champion": "3", "previous": "1", "challenger": "2"}


def test_the_history_holds_author_time_reason_and_evidence(
    promoter: Promoter, add_version: AddVersion, tmp_path: Path
) -> None:
    """Evidence in a file is copied into the model's run under its hash; a URL is kept unchanged."""
    first, second = add_version(), add_version()
    (tmp_path / "paired difference.html").write_text("<p>better</p>")
    promoter.promote("1", author="ann", reason=" two\nlines ", evidence=str(tmp_path / "paired difference.html"))
    promoter.promote("2", author="bob", reason="cheaper", evidence="https://wiki/decision/7")
    one, two = (entry.change for entry in promoter.history.entries())
    assert (one.action, one.champion, one.previous) == ("promote", first, None)
    assert (one.author, one.reason) == ("ann", "two lines")
    assert (two.champion, two.previous, two.author, two.reason) == (second, first, "bob", "cheaper")
    assert two.evidence == LinkedEvidence("https://wiki/decision/7")
    assert 0 < one.written_at_ms <= two.written_at_ms
    run_id = promoter.registry.find("1").run_id
    prefix = f"runs:/{run_id}/"
    assert isinstance(one.evidence, LinkedEvidence)
    assert one.evidence.url.startswith(prefix)
    kept = promoter.runs.fetch(run_id, one.evidence.url.removeprefix(prefix), tmp_path)
    assert kept.read_text() == "<p>better</p>"


def test_a_refused_change_changes_nothing(promoter: Promoter, add_version: AddVersion) -> None:
    """A rejected change changes nothing and causes a one-line error that says what to do."""
    add_version()
    refusals: dict[str, Callable[[], object]] = {
        "has no version or alias '9'; register a run first": lambda: promote(promoter, "9"),
        "has no version or alias 'staging'": lambda: promote(promoter, "staging"),
        "has no version or alias ''": lambda: promoter.stage(""),
        "there is nothing to roll back to; promote a version by its number": lambda: promoter.rollback(
            author="a", reason="b"
        ),
        "there is no champion to challenge yet; promote a version first": lambda: promoter.challenge(
            "1", author="a", reason="b"
        ),
        f"give a --reason of 1 to {MAX_REASON} characters": lambda: promote(promoter, "1", " \n "),
        "give a --reason of 1 to": lambda: promote(promoter, "1", "x" * (MAX_REASON + 1)),
        "evidence gone.html cannot be read": lambda: promoter.promote(
            "1", author="a", reason="b", evidence="gone.html"
        ),
    }
    for message, refused in refusals.items():
        with pytest.raises(RegistryError, match=message) as caught:
            refused()
        assert "\n" not in str(caught.value)
    assert promoter.history.entries() == []
    assert promoter.registry.aliases() == {}


def test_the_champion_is_neither_staged_nor_promoted_again(promoter: Promoter, add_version: AddVersion) -> None:
    """The champion can be neither staged nor promoted again, nor become its own challenger."""
    add_version()
    promote(promoter, "1")
    for refused in (
        promoter.stage,
        lambda which: promote(promoter, which),
        lambda which: promoter.challenge(which, author="a", reason="b"),
    ):
        with pytest.raises(RegistryError, match="version 1 is already the champion"):
            refused("champion")
    with pytest.raises(RegistryError, match="nothing to roll back to"):
        promoter.rollback(author="a", reason="b")
    assert len(promoter.history.entries()) == 1


def test_a_rollback_is_not_rolled_back(promoter: Promoter, add_version: AddVersion) -> None:
    """A rollback of a rollback is rejected; the removed model can be promoted by its number instead."""
    add_version(), add_version()
    promote(promoter, "1")
    promote(promoter, "2")
    promoter.rollback(author="ann", reason="twice the alerts")
    with pytest.raises(RegistryError, match=r"fraud/2 was rolled back \(twice the alerts\); .* by its number"):
        promoter.rollback(author="ann", reason="oops")
    promote(promoter, "2", "it was the data")
    promoter.rollback(author="ann", reason="it was not")
    assert promoter.registry.aliases() == {"champion": "1", "previous": "2"}


def test_a_version_whose_bundle_is_gone_gets_no_role(promoter: Promoter, add_version: AddVersion) -> None:
    """Promotion and rollback to a version are rejected if workers could not read its bundle."""
    first, second = add_version(), add_version()
    promote(promoter, "1")
    promoter.store.discard(second.path)
    for change in (
        promoter.stage,
        lambda which: promote(promoter, which),
        lambda which: promoter.challenge(which, author="a", reason="b"),
    ):
        with pytest.raises(BundleError, match="fraud/2 cannot be read"):
            change("2")
    add_version()
    promote(promoter, "3")
    promoter.store.discard(first.path)
    with pytest.raises(BundleError, match="fraud/1 cannot be read"):
        promoter.rollback(author="a", reason="b")
    assert promoter.registry.aliases() == {"champion": "3", "previous": "1"}


def test_an_alias_of_a_deleted_version_is_one_line(promoter: Promoter, add_version: AddVersion, root: Path) -> None:
    """An alias of a deleted version causes a one-line error. MLflow drops such aliases, but other tools may not."""
    add_version()
    promoter.stage("1")
    with sqlite3.connect(root / "mlflow.db") as database:
        database.execute("UPDATE model_versions SET current_stage = 'Deleted_Internal'")
    with pytest.raises(RegistryError, match="alias staging points at version 1, which does not exist; stage or"):
        promoter.stage("staging")


def test_aliases_that_were_not_set_are_set_by_the_next_command(
    promoter: Promoter, add_version: AddVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If MLflow fails after a change is written, the error says that the change applies; aliases are set later."""
    add_version(), add_version()
    promote(promoter, "1")

    def unavailable(*_: object) -> None:
        raise RegistryError("MLflow at nowhere: unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(Registry, "set_alias", unavailable)
        with pytest.raises(
            RegistryError, match=r"^the change is on Kafka as role epoch 2, but MLflow was not updated; .*unavailable$"
        ):
            promote(promoter, "2")
    assert promoter.registry.aliases() == {"champion": "1"}
    promoter.catch_up()
    assert promoter.registry.aliases() == {"champion": "2", "previous": "1"}
    assert len(promoter.history.entries()) == 2


def test_a_slow_process_sets_the_newest_aliases(
    promoter: Promoter, add_version: AddVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another change is completed between our history entry and our aliases, the other change's aliases are kept."""
    add_version(), add_version()
    promote(promoter, "1")
    set_alias = Registry.set_alias

    with monkeypatch.context() as patch:

        def slow(self: Registry, alias: str, number: str) -> None:
            patch.undo()
            promote(promoter, "1", "quicker")
            assert promoter.registry.aliases() == {"champion": "1", "previous": "2"}
            set_alias(self, alias, number)

        patch.setattr(Registry, "set_alias", slow)
        promote(promoter, "2", "slow")
    assert promoter.registry.aliases() == {"champion": "1", "previous": "2"}
    assert [entry.change.reason for entry in promoter.history.entries()] == ["because", "slow", "quicker"]


def test_aliases_of_other_people_stay(promoter: Promoter, add_version: AddVersion, client: MlflowClient) -> None:
    """Aliases set by other people are kept, but every alias that begins with `challenger` is ours and is dropped."""
    add_version(), add_version()
    client.set_registered_model_alias("fraud", "audited", "1")
    client.set_registered_model_alias("fraud", "challenger-xgboost", "1")
    promote(promoter, "2")
    assert promoter.registry.aliases() == {"champion": "2", "audited": "1"}
