"""Reads the control topic `model-updates`, the source of truth for roles.

The topic has one partition and is kept for ever; every worker reads all of it, without a consumer group.
"""

import contextlib

import msgspec

from schemas.errors import RolesError
from schemas.messages import ModelUpdate
from stream.kafka.topic_reader import read_topic
from stream.settings import KafkaSettings, TopicSettings

_decoder = msgspec.json.Decoder(ModelUpdate)


class _Versioned(msgspec.Struct):
    schema_version: int


def decode_update(raw: bytes | None) -> ModelUpdate:
    """Decode one assignment of roles.

    Raises:
        RolesError: If the bytes are not an assignment of a supported schema version.
    """
    try:
        return _decoder.decode(raw or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RolesError(f"the message assigns no roles ({error}); assign them with `fraud-train publish`") from error


def current_roles(kafka: KafkaSettings, topics: TopicSettings) -> ModelUpdate | None:
    """Return the newest assignment; None if there is none yet. Raises the same errors as `all_roles`."""
    updates = all_roles(kafka, topics)
    return updates[-1] if updates else None


def all_roles(kafka: KafkaSettings, topics: TopicSettings) -> list[ModelUpdate]:
    """Return every assignment, oldest first.

    Messages that workers ignore are skipped: those that cannot be decoded, and those whose epoch does not increase.

    Raises:
        BrokerUnavailableError: If no broker responds.
        TopicMissingError: If the control topic does not exist.
        RolesError: If a newer program has written an assignment that this program cannot read.
    """
    updates: list[ModelUpdate] = []
    for raw in read_topic(kafka, topics.model_updates):
        try:
            update = decode_update(raw)
        except RolesError:
            _refuse_newer(raw)
            continue
        if not updates or update.epoch > updates[-1].epoch:
            updates.append(update)
    return updates


def _refuse_newer(raw: bytes | None) -> None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        version = msgspec.json.decode(raw or b"", type=_Versioned).schema_version
        if version > ModelUpdate.__struct_defaults__[-1]:
            raise RolesError(
                f"the roles have schema version {version}, which this program cannot read; upgrade this program"
            )
