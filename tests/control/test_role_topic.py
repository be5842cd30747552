"""Who is champion, written and read on a real Kafka."""

import json
from pathlib import Path

import pytest

from schemas.errors import RolesError, StaleEpochError
from schemas.messages import Exploration, ModelUpdate, Policy
from stream.control.role_reader import current_roles
from stream.control.role_writer import change_roles, publish_roles
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.topics import produce_all


def test_epochs_rise_and_the_champion_before_is_remembered(settings: Settings) -> None:
    """Each assignment carries the next epoch and who decided before."""
    assert current_roles(settings) is None
    old, new = (put_bundle(Path(settings.bundle.store), version) for version in "12")
    assert publish_roles(settings, champion=old, author="test").epoch == 1
    update = publish_roles(settings, champion=new, author="test")
    assert (update.epoch, update.previous) == (2, old)
    assert current_roles(settings) == update


def test_the_policy_of_the_champion_before_is_remembered_too(settings: Settings) -> None:
    """Whoever decides again decides as it did."""
    old, new = (put_bundle(Path(settings.bundle.store), version) for version in "12")
    policy = Policy("strict", 0.1, 0.2)
    publish_roles(settings, champion=old, policy=policy, author="test")
    publish_roles(settings, champion=new, author="test")
    update = publish_roles(settings, champion=new, policy=Policy("other", 0.3, 0.4), author="test")
    assert (update.previous, update.previous_policy) == (old, policy)


def test_exploration_and_salt_outlive_a_champion(settings: Settings) -> None:
    """They belong to the stream."""
    old, new = (put_bundle(Path(settings.bundle.store), version) for version in "12")
    draft = ModelUpdate(1, old, 0, "", exploration=Exploration(0.1, 500), salt="s")
    change_roles(settings, lambda _: draft, author="test")
    update = publish_roles(settings, champion=new, author="test")
    assert (update.exploration, update.salt) == (Exploration(0.1, 500), "s")


def test_a_change_that_is_refused_writes_nothing(settings: Settings) -> None:
    """And the next writer is not held up."""
    champion = put_bundle(Path(settings.bundle.store), "1")

    def refuse(_: ModelUpdate | None) -> ModelUpdate:
        raise RolesError("not like this")

    with pytest.raises(RolesError, match="not like this"):
        change_roles(settings, refuse, author="test")
    assert publish_roles(settings, champion=champion, author="test").epoch == 1


def test_a_change_thought_out_on_older_roles_is_refused(settings: Settings) -> None:
    """Two people promote at once: the second is told to look again."""
    champion = put_bundle(Path(settings.bundle.store), "1")
    publish_roles(settings, champion=champion, author="first", expected_epoch=0)
    with pytest.raises(StaleEpochError, match="roles are at epoch 1, not 0"):
        publish_roles(settings, champion=champion, author="second", expected_epoch=0)


def test_a_message_that_cannot_be_read_blocks_nobody(settings: Settings) -> None:
    """Workers pass it over, and so does the writer; the topic is kept for ever, so it would block for ever."""
    champion = put_bundle(Path(settings.bundle.store), "1")
    publish_roles(settings, champion=champion, author="test")
    produce_all(
        settings.kafka.bootstrap, settings.topic.model_updates, [(None, b"rubbish"), (None, b'{"schema_version": "x"}')]
    )
    assert publish_roles(settings, champion=champion, author="test").epoch == 2


def test_roles_of_a_newer_program_are_not_overwritten(settings: Settings) -> None:
    """Its epoch cannot be read, so the next one cannot be known."""
    champion = put_bundle(Path(settings.bundle.store), "1")
    newer = json.dumps({"schema_version": 3, "epoch": 7}).encode()
    produce_all(settings.kafka.bootstrap, settings.topic.model_updates, [(None, newer)])
    with pytest.raises(RolesError, match="schema version 3; upgrade this program first"):
        publish_roles(settings, champion=champion, author="test")
