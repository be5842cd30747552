"""Kafka is the source of truth: MLflow follows the control topic, even after interruptions."""

from collections.abc import Callable
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
from stream.settings import KafkaSettings, Settings, TopicSettings
from tests.support.bundles import put_bundle
from tests.support.topics import produce_all
from tests.training.registry.conftest import AddVersion
from training.registry.history import PromotionHistory, RoleChange
from training.registry.promote import Promoter
from training.registry.reconcile import reconcile

MakePromoter = Callable[[Settings], Promoter]


def newest(settings: Settings) -> ModelUpdate:
    """Return the assignment that workers follow."""
    update = current_roles(settings.kafka, settings.topic)
    assert update is not None
    return update


def changes(promoter: Promoter) -> list[RoleChange]:
    """Return the changes in the history that count."""
    return [entry.change for entry in promoter.history.entries()]


def test_a_promotion_reaches_the_workers_and_mlflow(
    promoter: Promoter, add_version: AddVersion, settings: Settings
) -> None:
    """A promotion writes roles, author and reason to the topic, and aliases and history with the epoch to MLflow."""
    first, second = add_version(), add_version()
    assert promoter.promote("1", author="ann", reason="the first").change.role_epoch == 1
    promoter.challenge("2", author="ann", reason="tuned")
    update = newest(settings)
    assert (update.champion, update.challengers, update.previous) == (first, (Challenger(second),), None)
    promoter.promote("challenger", author="bob", reason="better", evidence="https://wiki/7")
    update = newest(settings)
    assert (update.epoch, update.champion, update.previous, update.challengers) == (3, second, first, ())
    assert (update.author, update.note, update.action) == ("bob", "better", RoleAction.PROMOTE)
    assert update.evidence == LinkedEvidence("https://wiki/7")
    assert promoter.registry.aliases() == {"champion": "2", "previous": "1"}
    made = changes(promoter)
    assert [(change.action, change.role_epoch) for change in made] == [("promote", 1), ("challenge", 2), ("promote", 3)]
    assert (made[-1].author, made[-1].reason, made[-1].evidence) == ("bob", "better", update.evidence)
    assert made[-1].written_at_ms == update.written_at_ms


def test_a_rollback_reaches_the_workers(promoter: Promoter, add_version: AddVersion, settings: Settings) -> None:
    """Readers of the topic recognise a rollback as such, so it is not rolled back in turn."""
    first, second = add_version(), add_version()
    promoter.promote("1", author="ann", reason="a")
    promoter.promote("2", author="ann", reason="b")
    promoter.rollback(author="bob", reason="twice the alerts")
    assert (newest(settings).champion, newest(settings).previous) == (first, second)
    with pytest.raises(RegistryError, match=r"fraud/2 was rolled back \(twice the alerts\)"):
        promoter.rollback(author="bob", reason="again")
    assert newest(settings).epoch == 3


def test_roles_of_another_writer_are_copied_once(
    promoter: Promoter, add_version: AddVersion, settings: Settings
) -> None:
    """Roles written by a baseline or another tool are copied to the history and the aliases by the next command."""
    first, second = add_version(), add_version()
    publish_roles(settings.kafka, settings.topic, champion=first, author="somebody", note="by hand")
    publish_roles(
        settings.kafka,
        settings.topic,
        champion=second,
        challengers=(Challenger(first),),
        author="somebody",
        note="again",
    )
    for _ in range(3):
        promoter.catch_up()
        assert promoter.registry.aliases() == {"champion": "2", "previous": "1", "challenger": "1"}
        assert [(each.action, each.author, each.reason, each.role_epoch) for each in changes(promoter)] == [
            ("publish", "somebody", "by hand", 1),
            ("publish", "somebody", "again", 2),
        ]


def test_the_next_command_repairs_a_crash_between_kafka_and_mlflow(
    promoter: Promoter, add_version: AddVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If MLflow fails after roles are written, the error says that they apply, and the next command updates MLflow."""
    add_version(), add_version()
    promoter.promote("1", author="ann", reason="a")
    with monkeypatch.context() as patch:

        def unavailable(*_: object, **__: object) -> None:
            raise RegistryError("MLflow at nowhere: unavailable")

        patch.setattr(PromotionHistory, "append", unavailable)
        with pytest.raises(
            RegistryError, match=r"^the change is on Kafka as role epoch 2, but MLflow was not updated; "
        ):
            promoter.promote("2", author="bob", reason="b", evidence="https://wiki/8")
    assert promoter.registry.aliases()["champion"] == "1"
    promoter.catch_up()
    assert promoter.registry.aliases() == {"champion": "2", "previous": "1"}
    assert (changes(promoter)[-1].author, changes(promoter)[-1].evidence) == ("bob", LinkedEvidence("https://wiki/8"))


def test_of_two_changes_at_once_the_second_is_refused(
    promoter: Promoter, add_version: AddVersion, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another writer changes the roles after we have read them, our change is rejected and nothing is written."""
    first, second, third = add_version(), add_version(), add_version()
    promoter.promote("1", author="ann", reason="a")

    def slow(kafka: KafkaSettings, topics: TopicSettings, **named: object) -> ModelUpdate:
        publish_roles(kafka, topics, champion=second, author="bob", note="quicker", expected_epoch=1)
        return publish_roles(kafka, topics, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("training.registry.promote.publish_roles", slow)
    with pytest.raises(StaleEpochError, match="roles are at epoch 2, not 1"):
        promoter.promote("3", author="ann", reason="c")
    assert newest(settings).champion == second
    promoter.catch_up()
    assert promoter.registry.aliases() == {"champion": "2", "previous": "1"}
    assert {first, second} == {change.champion for change in changes(promoter)}
    assert third not in {change.champion for change in changes(promoter)}


def test_a_champion_that_mlflow_does_not_know_has_no_alias(
    promoter: Promoter, add_version: AddVersion, settings: Settings
) -> None:
    """A champion that is not registered in MLflow gets no alias; the history names its bundle."""
    add_version()
    promoter.promote("1", author="ann", reason="a")
    unknown = BundleRef("fraud", "77", "fraud/77", "7" * 64)
    publish_roles(settings.kafka, settings.topic, champion=unknown, author="bob", note="from elsewhere")
    promoter.catch_up()
    assert promoter.registry.aliases() == {"previous": "1"}
    assert changes(promoter)[-1].champion == unknown


def test_a_policy_stays_as_long_as_its_champion(
    promoter: Promoter, add_version: AddVersion, settings: Settings
) -> None:
    """A policy set for one champion does not apply to the next champion."""
    first, _ = add_version(), add_version()
    publish_roles(settings.kafka, settings.topic, champion=first, policy=Policy("strict", 0.1, 0.2), author="ann")
    promoter.challenge("2", author="ann", reason="a")
    assert newest(settings).policy == Policy("strict", 0.1, 0.2)
    promoter.promote("2", author="ann", reason="b")
    assert newest(settings).policy is None


def test_messages_that_workers_ignore_are_ignored(
    promoter: Promoter, add_version: AddVersion, settings: Settings
) -> None:
    """Invalid messages, and messages whose epoch does not increase, are ignored."""
    first = add_version()
    stale = ModelUpdate(1, BundleRef("fraud", "9", "fraud/9", "9" * 64), 1, "late")
    for message in (b"{", msgspec.json.encode(ModelUpdate(1, first, 1, "ann")), msgspec.json.encode(stale)):
        produce_all(settings.kafka.bootstrap, settings.topic.model_updates, [(None, message)])
    assert [update.champion for update in all_roles(settings.kafka, settings.topic)] == [first]
    promoter.catch_up()
    assert promoter.registry.aliases() == {"champion": "1"}


def test_a_missing_broker_or_topic_changes_nothing(
    make_promoter: MakePromoter,
    add_version: AddVersion,
    make_settings: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A missing broker or topic causes a one-line error, raised before anything is written."""
    add_version()
    with monkeypatch.context() as patch:
        patch.setattr("stream.kafka.clients.require_broker.__defaults__", (1.0,))  # seconds
        no_broker = make_promoter(make_settings(kafka_bootstrap="127.0.0.1:9"))
        with pytest.raises(BrokerUnavailableError, match=r"Kafka at 127\.0\.0\.1:9 is not responding"):
            no_broker.promote("1", author="ann", reason="a")
    no_topic = make_promoter(make_settings())
    # librdkafka takes up to 30 s to report that a topic is missing; the reader gives up earlier.
    with pytest.raises((TopicMissingError, BrokerUnavailableError), match="model-updates"):
        no_topic.promote("1", author="ann", reason="a")
    assert no_topic.history.entries() == []
    assert no_topic.registry.aliases() == {}


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
    promoter: Promoter,
    add_version: AddVersion,
    settings: Settings,
    audit: tuple[RoleAction, str, AuditEvidence | None],
) -> None:
    """Action and evidence are fields of the message and are not parsed from text."""
    action, note, evidence = audit
    publish_roles(
        settings.kafka,
        settings.topic,
        champion=add_version(),
        author="ann",
        note=note,
        action=action,
        evidence=evidence,
    )
    promoter.catch_up()
    (change,) = changes(promoter)
    assert (change.action, change.reason, change.evidence) == audit


def test_roles_of_an_older_schema_version_have_no_action(promoter: Promoter, add_version: AddVersion) -> None:
    """Roles of an older schema version have no action, and their note is kept unchanged."""
    old = ModelUpdate(1, add_version(), 100, "ann", "promote: better [evidence: https://wiki/7]", schema_version=2)
    reconcile(promoter.registry, promoter.history, [old])
    (change,) = changes(promoter)
    assert (change.action, change.reason, change.evidence) == ("roles", old.note, None)


def test_a_version_is_found_by_its_bundles_hash(
    promoter: Promoter, add_version: AddVersion, settings: Settings, root: Path
) -> None:
    """A version is found by its bundle's hash, because the numbers in Kafka and MLflow may differ."""
    (root / "bundles" / "fraud" / "1").mkdir(parents=True)
    ref = add_version()
    assert ref.version == "2"
    put_bundle(root / "bundles", "3")
    promoter.promote("1", author="ann", reason="a")
    assert newest(settings).champion == ref
    assert promoter.registry.aliases() == {"champion": "1"}
