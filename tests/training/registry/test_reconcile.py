"""Kafka is the truth: changes are made on the control topic, MLflow follows, however often and whatever died."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from schemas.errors import BrokerUnavailableError, RegistryError, StaleEpochError, TopicMissingError
from schemas.messages import (
    AuditEvidence,
    BundleRef,
    Challenger,
    GateEvidence,
    LinkedEvidence,
    ModelUpdate,
    Policy,
    RoleAction,
    RollbackEvidence,
)
from stream.control.role_reader import all_roles, current_roles
from stream.control.role_writer import publish_roles
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.topics import produce_all
from tests.training.registry.conftest import Add
from training.registry.history import Change, History
from training.registry.promote import Promoter
from training.registry.reconcile import reconcile


@pytest.fixture
def told(desk: Promoter, settings: Settings) -> Promoter:
    """Promoter that tells Kafka."""
    return replace(desk, kafka=settings)


def newest(settings: Settings) -> ModelUpdate:
    """Return the assignment that workers hold."""
    update = current_roles(settings)
    assert update is not None
    return update


def changes(desk: Promoter) -> list[Change]:
    """Return the changes that count."""
    return [entry.change for entry in desk.history.entries()]


def test_a_promotion_is_told_to_the_workers_and_to_mlflow(told: Promoter, add: Add, settings: Settings) -> None:
    """Roles, author and reason on the topic; aliases and history in MLflow, with the epoch."""
    first, second = add(), add()
    assert told.promote("1", who="ann", why="the first").change.role_epoch == 1
    told.challenge("2", who="ann", why="tuned")
    update = newest(settings)
    assert (update.champion, update.challengers, update.previous) == (first, (Challenger(second),), None)
    told.promote("challenger", who="bob", why="better", evidence="https://wiki/7")
    update = newest(settings)
    assert (update.epoch, update.champion, update.previous, update.challengers) == (3, second, first, ())
    assert (update.author, update.note, update.action) == ("bob", "better", RoleAction.PROMOTE)
    assert update.evidence == LinkedEvidence("https://wiki/7")
    assert told.registry.aliases() == {"champion": "2", "previous": "1"}
    made = changes(told)
    assert [(change.action, change.role_epoch) for change in made] == [("promote", 1), ("challenge", 2), ("promote", 3)]
    assert (made[-1].who, made[-1].why, made[-1].evidence) == ("bob", "better", update.evidence)
    assert made[-1].written_at_ms == update.written_at_ms


def test_a_kafka_that_knows_no_roles_is_told_of_the_champion(
    desk: Promoter, told: Promoter, add: Add, settings: Settings
) -> None:
    """Champion of MLflow alone, as after a new Kafka: promoting it again tells the workers; a third time is refused."""
    first = add()
    desk.promote("1", who="ann", why="trained")
    told.promote("1", who="bob", why="a new Kafka")
    assert newest(settings).champion == first
    with pytest.raises(RegistryError, match="version 1 is champion already"):
        told.promote("1", who="bob", why="again")


def test_a_rollback_is_told_too(told: Promoter, add: Add, settings: Settings) -> None:
    """And recognised as one by whoever reads the topic, so it is not rolled back in turn."""
    first, second = add(), add()
    told.promote("1", who="ann", why="a")
    told.promote("2", who="ann", why="b")
    told.rollback(who="bob", why="twice the alerts")
    assert (newest(settings).champion, newest(settings).previous) == (first, second)
    with pytest.raises(RegistryError, match=r"fraud/2 was rolled back from \(twice the alerts\)"):
        told.rollback(who="bob", why="again")
    assert newest(settings).epoch == 3


def test_roles_of_another_writer_are_taken_over(told: Promoter, add: Add, settings: Settings) -> None:
    """Baseline, a person with another tool: history and aliases follow at the next command, once."""
    first, second = add(), add()
    publish_roles(settings, champion=first, author="somebody", note="by hand")
    publish_roles(settings, champion=second, challengers=(Challenger(first),), author="somebody", note="again")
    for _ in range(3):
        told.catch_up()
        assert told.registry.aliases() == {"champion": "2", "previous": "1", "challenger": "1"}
        assert [(each.action, each.who, each.why, each.role_epoch) for each in changes(told)] == [
            ("publish", "somebody", "by hand", 1),
            ("publish", "somebody", "again", 2),
        ]


def test_a_crash_between_kafka_and_mlflow_is_mended_by_the_next_command(
    told: Promoter, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow goes away after the roles were written: they hold, the error says so, nothing is lost."""
    add(), add()
    told.promote("1", who="ann", why="a")
    with monkeypatch.context() as patch:

        def away(*_: object) -> None:
            raise RegistryError("MLflow at nowhere: away")

        patch.setattr(History, "append", lambda *_args, **_named: away())
        with pytest.raises(RegistryError, match=r"^the change is on Kafka as roles 2, but MLflow did not follow yet; "):
            told.promote("2", who="bob", why="b", evidence="https://wiki/8")
    assert told.registry.aliases()["champion"] == "1"
    told.catch_up()
    assert told.registry.aliases() == {"champion": "2", "previous": "1"}
    assert (changes(told)[-1].who, changes(told)[-1].evidence) == ("bob", LinkedEvidence("https://wiki/8"))


def test_of_two_at_once_the_second_is_refused(
    told: Promoter, add: Add, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another writer comes between our look at the roles and our change: nothing of ours is written."""
    first, second, third = add(), add(), add()
    told.promote("1", who="ann", why="a")

    def slow(settings: Settings, **named: object) -> ModelUpdate:
        publish_roles(settings, champion=second, author="bob", note="quicker", expected_epoch=1)
        return publish_roles(settings, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("training.registry.promote.publish_roles", slow)
    with pytest.raises(StaleEpochError, match="roles are at epoch 2, not 1"):
        told.promote("3", who="ann", why="c")
    assert newest(settings).champion == second
    told.catch_up()
    assert told.registry.aliases() == {"champion": "2", "previous": "1"}
    assert {first, second} == {change.champion for change in changes(told)}
    assert third not in {change.champion for change in changes(told)}


def test_what_was_promoted_in_mlflow_only_gives_way_to_kafka(told: Promoter, desk: Promoter, add: Add) -> None:
    """The stream never heard of it; the history says that it was overruled, once."""
    add(), add()
    told.promote("1", who="ann", why="a")
    desk.promote("2", who="bob", why="forgot --bootstrap")
    assert desk.registry.aliases()["champion"] == "2"
    for _ in range(2):
        told.catch_up()
        assert desk.registry.aliases() == {"champion": "1"}
        made = changes(told)
        assert [change.action for change in made] == ["promote", "promote", "roles"]
        assert made[-1].why == "Kafka's roles 1 hold; fraud/2 was never published there"


def test_a_new_broker_has_the_previous_champion_from_the_history(
    told: Promoter, desk: Promoter, add: Add, settings: Settings
) -> None:
    """Kafka begins anew, MLflow does not: a rollback still knows where to."""
    first, second = add(), add()
    desk.promote("1", who="ann", why="a")
    told.promote("2", who="ann", why="b")
    assert (newest(settings).epoch, newest(settings).champion, newest(settings).previous) == (1, second, None)
    assert desk.registry.aliases() == {"champion": "2", "previous": "1"}
    told.rollback(who="ann", why="c")
    assert newest(settings).champion == first


def test_epochs_that_begin_anew_are_told_from_those_before(desk: Promoter, add: Add) -> None:
    """Another broker's roles 1 are not the roles 1 that were written long ago."""
    first, second = add(), add()

    def update(epoch: int, champion: BundleRef, at: int) -> ModelUpdate:
        return ModelUpdate(epoch, champion, at, "ann")

    old, new = [update(1, first, 100), update(2, second, 200)], [update(1, first, 300)]
    for updates, champion, count in ((old, "2", 2), (old, "2", 2), (new, "1", 3), (new, "1", 3)):
        reconcile(desk.registry, desk.history, updates)
        assert desk.registry.aliases()["champion"] == champion
        assert len(desk.history.entries()) == count


def test_a_champion_that_mlflow_does_not_know_has_no_alias(told: Promoter, add: Add, settings: Settings) -> None:
    """An alias that led to another version would be a lie; the history names the bundle."""
    add()
    told.promote("1", who="ann", why="a")
    unknown = BundleRef("fraud", "77", "fraud/77", "7" * 64)
    publish_roles(settings, champion=unknown, author="bob", note="from elsewhere")
    told.catch_up()
    assert told.registry.aliases() == {"previous": "1"}
    assert changes(told)[-1].champion == unknown


def test_a_policy_is_kept_while_its_champion_is(told: Promoter, add: Add, settings: Settings) -> None:
    """Thresholds that somebody set for one champion mean nothing for the next."""
    first, _ = add(), add()
    publish_roles(settings, champion=first, policy=Policy("strict", 0.1, 0.2), author="ann")
    told.challenge("2", who="ann", why="a")
    assert newest(settings).policy == Policy("strict", 0.1, 0.2)
    told.promote("2", who="ann", why="b")
    assert newest(settings).policy is None


def test_what_workers_ignore_is_left_out(told: Promoter, add: Add, settings: Settings) -> None:
    """Bytes that are no roles, and an epoch that does not rise."""
    first = add()
    stale = ModelUpdate(1, BundleRef("fraud", "9", "fraud/9", "9" * 64), 1, "late")
    for message in (b"{", msgspec.json.encode(ModelUpdate(1, first, 1, "ann")), msgspec.json.encode(stale)):
        produce_all(settings.kafka.bootstrap, settings.topic.model_updates, [(None, message)])
    assert [update.champion for update in all_roles(settings)] == [first]
    told.catch_up()
    assert told.registry.aliases() == {"champion": "1"}


def test_a_broker_or_topic_that_is_not_there_changes_nothing(
    desk: Promoter, add: Add, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, before anything is written."""
    add()
    monkeypatch.setattr("stream.kafka.clients.require_broker.__defaults__", (1.0,))  # seconds
    away = replace(desk, kafka=make_settings(kafka_bootstrap="127.0.0.1:9"))
    with pytest.raises(BrokerUnavailableError, match=r"no Kafka answers at 127\.0\.0\.1:9"):
        away.promote("1", who="ann", why="a")
    monkeypatch.undo()
    bare = replace(desk, kafka=make_settings())
    # librdkafka takes up to 30 s to be sure that a topic is missing; by then the reader has given up.
    with pytest.raises((TopicMissingError, BrokerUnavailableError), match="model-updates"):
        bare.promote("1", who="ann", why="a")
    assert desk.history.entries() == []
    assert desk.registry.aliases() == {}


@pytest.mark.parametrize(
    "audit",
    [
        (RoleAction.PROMOTE, "better", None),
        (RoleAction.ROLLBACK, "twice: the [alerts]", RollbackEvidence("alert_rate_high", 0.5, 0.125, 1000, 1)),
        (RoleAction.CHALLENGE, "x", LinkedEvidence("runs:/4f/evidence/ab/a file].html")),
        (RoleAction.PROMOTE, "promote: again [evidence: none]", GateEvidence(3, "runs:/4f/gate-test-3.json")),
        (RoleAction.PUBLISH, "baseline", None),
    ],
)
def test_action_and_evidence_reach_the_history_as_they_were_written(
    told: Promoter, add: Add, settings: Settings, audit: tuple[RoleAction, str, AuditEvidence | None]
) -> None:
    """They are fields of the message; no text is taken apart."""
    action, note, evidence = audit
    publish_roles(settings, champion=add(), author="ann", note=note, action=action, evidence=evidence)
    told.catch_up()
    (change,) = changes(told)
    assert (change.action, change.why, change.evidence) == audit


def test_roles_of_an_older_schema_version_have_no_action(desk: Promoter, add: Add) -> None:
    """Their note is kept as it is, whatever it looks like."""
    old = ModelUpdate(1, add(), 100, "ann", "promote: better [evidence: https://wiki/7]", schema_version=2)
    reconcile(desk.registry, desk.history, [old])
    (change,) = changes(desk)
    assert (change.action, change.why, change.evidence) == ("roles", old.note, None)


def test_a_version_made_by_hand_is_found_by_its_hash(told: Promoter, add: Add, settings: Settings, root: Path) -> None:
    """Kafka names bundles, MLflow counts versions: the hash leads from one to the other."""
    (root / "bundles" / "fraud" / "1").mkdir(parents=True)
    ref = add()
    assert ref.version == "2"
    put_bundle(root / "bundles", "3")
    told.promote("1", who="ann", why="a")
    assert newest(settings).champion == ref
    assert told.registry.aliases() == {"champion": "1"}
