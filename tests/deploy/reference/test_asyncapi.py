"""The AsyncAPI document describes every topic and message, and its schemas accept the messages."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its types are in a separate package
import pytest

from deploy.reference.asyncapi import document
from schemas.messages import PUBLIC
from stream.kafka.topics import topic_table
from stream.settings import TopicSettings
from tests.schemas.test_contracts import GOLDEN

DOCUMENT = document()


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _references(each)


def _resolve(reference: str) -> Any:
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_every_reference_resolves() -> None:
    """Each `$ref` leads to a part of the document itself, so tools need no other file."""
    references = set(_references(DOCUMENT))
    assert len(references) > 30
    assert all(_resolve(reference) for reference in references)


def test_every_topic_is_a_channel_with_its_configuration() -> None:
    """The channels are the topics that `fraud-stream topics` creates, with the same configuration."""
    channels = {channel["address"]: channel["bindings"]["kafka"] for channel in DOCUMENT["channels"].values()}
    specs = {spec.name: spec for spec in topic_table(TopicSettings())}
    assert set(channels) == set(specs)
    for name, spec in specs.items():
        configuration = channels[name]["topicConfiguration"]
        assert channels[name]["partitions"] == spec.partitions
        assert configuration["cleanup.policy"] == [spec.cleanup]
        assert {key: str(configuration[key]) for key in ("retention.ms", "max.message.bytes")} == {
            key: spec.config[key] for key in ("retention.ms", "max.message.bytes")
        }


def test_every_message_is_on_a_channel() -> None:
    """Each public message is carried by at least one topic, and each channel has an operation."""
    channels = DOCUMENT["channels"]
    assert {message for channel in channels.values() for message in channel["messages"]} == set(PUBLIC)
    assert {each["channel"]["$ref"] for each in DOCUMENT["operations"].values()} == {
        f"#/channels/{name}" for name in channels
    }
    assert {each["action"] for each in DOCUMENT["operations"].values()} == {"send", "receive"}


@pytest.mark.parametrize("name", PUBLIC)
def test_golden_messages_satisfy_the_payload_schemas(name: str) -> None:
    """The newest golden messages, which the structs can decode, are valid according to the document."""
    payload = _resolve(DOCUMENT["components"]["messages"][name]["payload"]["$ref"])
    newest = max(GOLDEN.glob(f"v*/{name}.json"), key=lambda file: int(file.parent.name[1:]))
    schema = {**payload, "components": DOCUMENT["components"]}
    jsonschema.validate(json.loads(newest.read_bytes()), schema, cls=jsonschema.Draft202012Validator)


def test_the_schemas_have_no_discriminators() -> None:
    """A `discriminator` is a string in AsyncAPI and an object in OpenAPI; validators of AsyncAPI reject an object."""
    assert '"discriminator"' not in json.dumps(DOCUMENT)
