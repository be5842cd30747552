"""After a move to a new Kafka cluster, its roles apply, and MLflow keeps the history from the old cluster."""

from collections.abc import Callable

import pytest

from schemas.errors import RegistryError
from schemas.messages import BundleRef, ModelUpdate
from stream.control.role_reader import current_roles
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.training.registry.conftest import AddVersion
from training.registry.promote import Promoter
from training.registry.reconcile import reconcile


@pytest.fixture
def other_promoter(
    make_promoter: Callable[[Settings], Promoter], make_settings: Callable[..., Settings], settings: Settings
) -> Promoter:
    """A promoter with a different control topic, as after a move to a new Kafka."""
    other = make_settings(topic_model_updates=f"{settings.topic.model_updates}-new")
    create_topics(other.kafka, other.topic)
    return make_promoter(other)


def newest(promoter: Promoter) -> ModelUpdate:
    """Return the newest assignment on a promoter's Kafka."""
    update = current_roles(promoter.settings.kafka, promoter.settings.topic)
    assert update is not None
    return update


def test_the_champion_can_be_promoted_on_a_new_kafka(
    promoter: Promoter, other_promoter: Promoter, add_version: AddVersion
) -> None:
    """The champion can be promoted once on a new Kafka without roles; promoting it there again is rejected."""
    first = add_version()
    promoter.promote("1", author="ann", reason="trained")
    other_promoter.promote("1", author="bob", reason="a new Kafka")
    assert newest(other_promoter).champion == first
    with pytest.raises(RegistryError, match="version 1 is already the champion"):
        other_promoter.promote("1", author="bob", reason="again")


def test_roles_of_another_kafka_give_way(promoter: Promoter, other_promoter: Promoter, add_version: AddVersion) -> None:
    """MLflow follows the Kafka of the last command, and the history notes once that the other roles do not apply."""
    add_version(), add_version()
    promoter.promote("1", author="ann", reason="a")
    other_promoter.promote("2", author="bob", reason="on another Kafka")
    assert promoter.registry.aliases()["champion"] == "2"
    for _ in range(2):
        promoter.catch_up()
        assert promoter.registry.aliases() == {"champion": "1"}
        made = [entry.change for entry in promoter.history.entries()]
        assert [change.action for change in made] == ["promote", "promote", "roles"]
        assert made[-1].reason == "the roles on this Kafka (epoch 1) apply; fraud/2 was published on another Kafka"


def test_a_new_broker_gets_the_previous_champion_from_the_history(
    promoter: Promoter, other_promoter: Promoter, add_version: AddVersion
) -> None:
    """If Kafka is new and MLflow is not, a rollback finds the previous champion in the history."""
    first, second = add_version(), add_version()
    promoter.promote("1", author="ann", reason="a")
    other_promoter.promote("2", author="ann", reason="b")
    update = newest(other_promoter)
    assert (update.epoch, update.champion, update.previous) == (1, second, None)
    assert other_promoter.registry.aliases() == {"champion": "2", "previous": "1"}
    other_promoter.rollback(author="ann", reason="c")
    assert newest(other_promoter).champion == first


def test_epochs_that_start_again_are_other_assignments(promoter: Promoter, add_version: AddVersion) -> None:
    """Epoch 1 on a new broker is not mistaken for epoch 1 on the old broker."""
    first, second = add_version(), add_version()

    def update(epoch: int, champion: BundleRef, at: int) -> ModelUpdate:
        return ModelUpdate(epoch, champion, at, "ann")

    old, new = [update(1, first, 100), update(2, second, 200)], [update(1, first, 300)]
    for updates, champion, count in ((old, "2", 2), (old, "2", 2), (new, "1", 3), (new, "1", 3)):
        reconcile(promoter.registry, promoter.history, updates)
        assert promoter.registry.aliases()["champion"] == champion
        assert len(promoter.history.entries()) == count
