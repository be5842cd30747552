"""Tests assignments of roles, which are written and read on a real Kafka."""

import json
from pathlib import Path

import pytest

from schemas.errors import RolesError, StaleEpochError
from schemas.messages import Exploration, GateEvidence, ModelUpdate, Policy, RoleAction
from stream.control.role_changes import combine_changes, set_salt
from stream.control.role_reader import current_roles
from stream.control.role_writer import change_roles, publish_roles
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.topics import produce_all


def test_epochs_rise_and_the_previous_champion_is_kept(settings: Settings) -> None:
    """Each assignment has the next epoch and names the previous champion."""
    assert current_roles(settings.kafka, settings.topic) is None
    old, new = (put_bundle(Path(settings.bundle.store), version) for version in "12")
    assert publish_roles(settings.kafka, settings.topic, champion=old, author="test").epoch == 1
    update = publish_roles(settings.kafka, settings.topic, champion=new, author="test")
    assert (update.epoch, update.previous) == (2, old)
    assert current_roles(settings.kafka, settings.topic) == update


def test_the_previous_champions_policy_is_kept(settings: Settings) -> None:
    """A restored champion decides by the policy that it had before."""
    old, new = (put_bundle(Path(settings.bundle.store), version) for version in "12")
    policy = Policy("strict", 0.1, 0.2)
    publish_roles(settings.kafka, settings.topic, champion=old, policy=policy, author="test")
    publish_roles(settings.kafka, settings.topic, champion=new, author="test")
    update = publish_roles(
        settings.kafka, settings.topic, champion=new, policy=Policy("other", 0.3, 0.4), author="test"
    )
    assert (update.previous, update.previous_policy) == (old, policy)


def test_exploration_and_salt_outlive_a_champion(settings: Settings) -> None:
    """Exploration and salt stay the same when the champion changes, because they belong to the stream."""
    old, new = (put_bundle(Path(settings.bundle.store), version) for version in "12")
    draft = ModelUpdate(1, old, 0, "", exploration=Exploration(0.1, 500), salt="s")
    change_roles(settings.kafka, settings.topic, lambda _: draft, author="test")
    update = publish_roles(settings.kafka, settings.topic, champion=new, author="test")
    assert (update.exploration, update.salt) == (Exploration(0.1, 500), "s")


def test_the_audit_fields_are_written_and_belong_to_one_change(settings: Settings) -> None:
    """The action and the evidence of one change are not carried over to the next change."""
    old, new = (put_bundle(Path(settings.bundle.store), version) for version in "12")
    assert publish_roles(settings.kafka, settings.topic, champion=old, author="test").action is RoleAction.PUBLISH
    evidence = GateEvidence(1, "https://wiki/7")
    promoted = change_roles(
        settings.kafka, settings.topic, combine_changes([], new), author="ann", note="better", evidence=evidence
    )
    assert current_roles(settings.kafka, settings.topic) == promoted
    assert (promoted.author, promoted.note) == ("ann", "better")
    assert (promoted.action, promoted.evidence, promoted.schema_version) == (RoleAction.PROMOTE, evidence, 3)
    salted = change_roles(settings.kafka, settings.topic, combine_changes([set_salt("s")]), author="bob")
    assert (salted.author, salted.note, salted.action, salted.evidence) == ("bob", "", RoleAction.SALT, None)


def test_a_change_that_raises_writes_nothing(settings: Settings) -> None:
    """A change that raises an error writes nothing and does not block the next writer."""
    champion = put_bundle(Path(settings.bundle.store), "1")

    def refuse(_: ModelUpdate | None) -> ModelUpdate:
        raise RolesError("not like this")

    with pytest.raises(RolesError, match="not like this"):
        change_roles(settings.kafka, settings.topic, refuse, author="test")
    assert publish_roles(settings.kafka, settings.topic, champion=champion, author="test").epoch == 1


def test_a_change_based_on_older_roles_is_refused(settings: Settings) -> None:
    """If two people promote at the same time, the second change is rejected and its author must check the roles."""
    champion = put_bundle(Path(settings.bundle.store), "1")
    publish_roles(settings.kafka, settings.topic, champion=champion, author="first", expected_epoch=0)
    with pytest.raises(StaleEpochError, match="roles are at epoch 1, not 0"):
        publish_roles(settings.kafka, settings.topic, champion=champion, author="second", expected_epoch=0)


def test_an_unreadable_message_does_not_block_writers(settings: Settings) -> None:
    """Writers, like workers, skip an unreadable message, which would otherwise block the topic for ever."""
    champion = put_bundle(Path(settings.bundle.store), "1")
    publish_roles(settings.kafka, settings.topic, champion=champion, author="test")
    produce_all(
        settings.kafka.bootstrap, settings.topic.model_updates, [(None, b"rubbish"), (None, b'{"schema_version": "x"}')]
    )
    assert publish_roles(settings.kafka, settings.topic, champion=champion, author="test").epoch == 2


def test_roles_of_a_newer_program_are_not_overwritten(settings: Settings) -> None:
    """Roles written by a newer program are not overwritten, because their epoch cannot be read."""
    champion = put_bundle(Path(settings.bundle.store), "1")
    newer = json.dumps({"schema_version": 4, "epoch": 7}).encode()
    produce_all(settings.kafka.bootstrap, settings.topic.model_updates, [(None, newer)])
    with pytest.raises(RolesError, match="schema version 4, which this program cannot read; upgrade"):
        publish_roles(settings.kafka, settings.topic, champion=champion, author="test")
