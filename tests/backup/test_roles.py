"""The topic of role changes, saved from and restored to a real Kafka."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import BackupError
from stream.backup.roles import RolesPart
from stream.control.role_reader import all_roles
from stream.control.role_writer import publish_roles
from stream.kafka.topics import create_topics
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.topics import produce_all, read_all


def test_roles_come_back_and_go_on(make_settings: Callable[..., Settings], topic: str, tmp_path: Path) -> None:
    """Every message comes back as it was sent, the epochs continue, and a second restore is refused."""
    old, new = make_settings(), make_settings(topic_model_updates=topic)
    create_topics(old.kafka, old.topic)
    champions = [put_bundle(Path(old.bundle.store), version) for version in "12"]
    for champion in champions:
        publish_roles(old.kafka, old.topic, champion=champion, author="test", note="naïve\nnote")
    RolesPart(old.kafka, old.topic.model_updates).save(tmp_path)

    create_topics(new.kafka, new.topic)
    part = RolesPart(new.kafka, new.topic.model_updates)
    part.require_empty()
    part.restore(tmp_path)
    values = [
        [message.value() for message in read_all(each.kafka.bootstrap, each.topic.model_updates)] for each in (old, new)
    ]
    assert values[0] == values[1]
    assert all_roles(new.kafka, new.topic) == all_roles(old.kafka, old.topic)
    assert publish_roles(new.kafka, new.topic, champion=champions[0], author="test").epoch == 3
    with pytest.raises(BackupError, match="already has 3 messages, and nothing is overwritten"):
        part.restore(tmp_path)


def test_a_message_that_is_no_line_is_left_out(settings: Settings, tmp_path: Path) -> None:
    """Workers ignore what is not an assignment of roles, so a stray message does not prevent a backup."""
    champion = put_bundle(Path(settings.bundle.store))
    produce_all(settings.kafka.bootstrap, settings.topic.model_updates, [(None, b"two\nlines"), (None, None)])
    publish_roles(settings.kafka, settings.topic, champion=champion, author="test")
    RolesPart(settings.kafka, settings.topic.model_updates).save(tmp_path)
    (line,) = (tmp_path / "messages.jsonl").read_bytes().splitlines()
    assert b'"epoch":1' in line
