"""Staged, watched, promoted, rolled back: aliases, history, and what is refused. MLflow only; Kafka is elsewhere."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from schemas.errors import BundleError, RegistryError
from schemas.messages import LinkedEvidence
from tests.training.registry.conftest import Add
from training.registry.promote import MAX_WHY, Promoter
from training.registry.versions import Registry


def promote(desk: Promoter, which: str, why: str = "because") -> None:
    """Promote as ann."""
    desk.promote(which, who="ann", why=why)


def test_aliases_follow_each_change(desk: Promoter, add: Add) -> None:
    """Champion and previous move; who is promoted is no longer staged."""
    for _ in range(3):
        add()
    desk.stage("2")
    assert desk.registry.aliases() == {"staging": "2"}
    promote(desk, "1")
    assert desk.registry.aliases() == {"staging": "2", "champion": "1"}
    promote(desk, "staging")
    assert desk.registry.aliases() == {"champion": "2", "previous": "1"}
    promote(desk, "3")
    assert desk.registry.aliases() == {"champion": "3", "previous": "2"}
    desk.rollback(who="bob", why="twice the alerts")
    assert desk.registry.aliases() == {"champion": "2", "previous": "3"}


def test_challengers_watch_until_they_are_promoted(desk: Promoter, add: Add) -> None:
    """The newest is `challenger`, the others are counted; nobody watches twice."""
    for _ in range(3):
        add()
    promote(desk, "1")
    desk.challenge("2", who="ann", why="tuned")
    desk.challenge("3", who="ann", why="tuned more")
    desk.challenge("3", who="ann", why="again")
    assert desk.registry.aliases() == {"champion": "1", "challenger": "3", "challenger-2": "2"}
    promote(desk, "challenger")
    assert desk.registry.aliases() == {"champion": "3", "previous": "1", "challenger": "2"}


def test_the_history_says_who_when_why_and_on_what(desk: Promoter, add: Add, tmp_path: Path) -> None:
    """A file is kept in the model's run, under its hash; a URL is kept as it is."""
    first, second = add(), add()
    (tmp_path / "paired difference.html").write_text("<p>better</p>")
    desk.promote("1", who="ann", why=" two\nlines ", evidence=str(tmp_path / "paired difference.html"))
    desk.promote("2", who="bob", why="cheaper", evidence="https://wiki/decision/7")
    one, two = (entry.change for entry in desk.history.entries())
    assert (one.action, one.champion, one.previous, one.who, one.why) == ("promote", first, None, "ann", "two lines")
    assert (two.champion, two.previous, two.who, two.why) == (second, first, "bob", "cheaper")
    assert two.evidence == LinkedEvidence("https://wiki/decision/7")
    assert 0 < one.written_at_ms <= two.written_at_ms
    run_id = desk.registry.find("1").run_id
    prefix = f"runs:/{run_id}/"
    assert isinstance(one.evidence, LinkedEvidence)
    assert one.evidence.url.startswith(prefix)
    kept = desk.runs.fetch(run_id, one.evidence.url.removeprefix(prefix), tmp_path)
    assert kept.read_text() == "<p>better</p>"


def test_what_is_refused_changes_nothing(desk: Promoter, add: Add) -> None:
    """One line each, with the mend."""
    add()
    refusals: dict[str, Callable[[], object]] = {
        "has no version or alias '9'; register a run first": lambda: promote(desk, "9"),
        "has no version or alias 'staging'": lambda: promote(desk, "staging"),
        "has no version or alias ''": lambda: desk.stage(""),
        "there is nothing to roll back to; promote a version by its number": lambda: desk.rollback(who="a", why="b"),
        "there is no champion to watch yet; promote a version first": lambda: desk.challenge("1", who="a", why="b"),
        f"say why in 1 to {MAX_WHY} characters": lambda: promote(desk, "1", " \n "),
        "say why in 1 to": lambda: promote(desk, "1", "x" * (MAX_WHY + 1)),
        "evidence gone.html cannot be read": lambda: desk.promote("1", who="a", why="b", evidence="gone.html"),
    }
    for message, refused in refusals.items():
        with pytest.raises(RegistryError, match=message) as caught:
            refused()
        assert "\n" not in str(caught.value)
    assert desk.history.entries() == []
    assert desk.registry.aliases() == {}


def test_the_champion_is_neither_staged_nor_promoted_again(desk: Promoter, add: Add) -> None:
    """Nor does it watch itself."""
    add()
    promote(desk, "1")
    for refused in (
        desk.stage,
        lambda which: promote(desk, which),
        lambda which: desk.challenge(which, who="a", why="b"),
    ):
        with pytest.raises(RegistryError, match="version 1 is champion already"):
            refused("champion")
    with pytest.raises(RegistryError, match="nothing to roll back to"):
        desk.rollback(who="a", why="b")
    assert len(desk.history.entries()) == 1


def test_a_rollback_is_not_rolled_back(desk: Promoter, add: Add) -> None:
    """It would bring back what was taken away; by number it can be had."""
    add(), add()
    promote(desk, "1")
    promote(desk, "2")
    desk.rollback(who="ann", why="twice the alerts")
    with pytest.raises(RegistryError, match=r"fraud/2 was rolled back from \(twice the alerts\); .* by its number"):
        desk.rollback(who="ann", why="oops")
    promote(desk, "2", "it was the data")
    desk.rollback(who="ann", why="it was not")
    assert desk.registry.aliases() == {"champion": "1", "previous": "2"}


def test_a_version_whose_bundle_is_gone_gets_no_role(desk: Promoter, add: Add) -> None:
    """Neither by promotion nor by rollback: workers could not read it either."""
    first, second = add(), add()
    promote(desk, "1")
    desk.store.discard(second.path)
    for change in (
        desk.stage,
        lambda which: promote(desk, which),
        lambda which: desk.challenge(which, who="a", why="b"),
    ):
        with pytest.raises(BundleError, match="fraud/2 cannot be read"):
            change("2")
    add()
    promote(desk, "3")
    desk.store.discard(first.path)
    with pytest.raises(BundleError, match="fraud/1 cannot be read"):
        desk.rollback(who="a", why="b")
    assert desk.registry.aliases() == {"champion": "3", "previous": "1"}


def test_an_alias_that_leads_nowhere_is_one_line(desk: Promoter, add: Add, root: Path) -> None:
    """MLflow drops a deleted version's aliases, but whoever writes into its database may not."""
    add()
    desk.stage("1")
    with sqlite3.connect(root / "mlflow.db") as database:
        database.execute("UPDATE model_versions SET current_stage = 'Deleted_Internal'")
    with pytest.raises(RegistryError, match="alias staging leads to version 1, which is not there; stage or promote"):
        desk.stage("staging")


def test_a_crash_between_history_and_aliases_is_mended_by_the_next_command(
    desk: Promoter, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change was written, so it holds; its error says so, and any later command sets the aliases."""
    add(), add()
    promote(desk, "1")

    def away(*_: object) -> None:
        raise RegistryError("MLflow at nowhere: away")

    monkeypatch.setattr(Registry, "set_alias", away)
    with pytest.raises(RegistryError, match=r"^the change is in the history, but MLflow did not follow yet; .*away$"):
        promote(desk, "2")
    assert desk.registry.aliases() == {"champion": "1"}
    monkeypatch.undo()
    desk.catch_up()
    assert desk.registry.aliases() == {"champion": "2", "previous": "1"}
    assert len(desk.history.entries()) == 2


def test_who_sets_aliases_late_sets_the_newest(desk: Promoter, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another change is made whole between our entry in the history and our aliases: its aliases stay."""
    add(), add()
    promote(desk, "1")
    set_alias = Registry.set_alias

    def slow(self: Registry, alias: str, number: str) -> None:
        monkeypatch.undo()
        promote(desk, "1", "quicker")
        assert desk.registry.aliases() == {"champion": "1", "previous": "2"}
        set_alias(self, alias, number)

    monkeypatch.setattr(Registry, "set_alias", slow)
    promote(desk, "2", "slow")
    assert desk.registry.aliases() == {"champion": "1", "previous": "2"}
    assert [entry.change.why for entry in desk.history.entries()] == ["because", "slow", "quicker"]


def test_other_peoples_aliases_stay(desk: Promoter, add: Add, client: MlflowClient) -> None:
    """Ours are named; a challenger of an older scheme is one of ours."""
    add(), add()
    client.set_registered_model_alias("fraud", "audited", "1")
    client.set_registered_model_alias("fraud", "challenger-xgboost", "1")
    promote(desk, "2")
    assert desk.registry.aliases() == {"champion": "2", "audited": "1"}
