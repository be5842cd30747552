"""schemas/asyncapi.json: the topics as an AsyncAPI 3 document, from the structs and the table of topics.

The operations are those of programs that use the system: `send` to its input topics, `receive` from its output topics.
"""

import json
from typing import Any

from deploy.reference.channels import CHANNELS, struct_name
from schemas.json_schema import components
from schemas.messages import PUBLIC
from stream.http.recorded_responses import REQUEST_DIGEST
from stream.kafka.dead_letters import REPLAYED_FROM_HEADER, REPLAYS_HEADER
from stream.kafka.topics import topic_table
from stream.settings import TopicSettings

#: Topics that other systems write to; the project's own programs write to the others.
INPUTS = ("transactions", "labels")
#: Messages that `fraud-stream dead-letters replay` can send again.
REPLAYABLE = ("transaction", "label", "decision", "shadow-score")
_REPLAY_HEADERS = {
    REPLAYED_FROM_HEADER: {
        "type": "string",
        "description": "Position of the dead letter from which the message was sent again: topic/partition/offset.",
    },
    REPLAYS_HEADER: {
        "type": "string",
        "pattern": "^[0-9]+$",
        "description": "Number of times that the message was sent again.",
    },
}
_REQUEST_HEADERS = {
    REQUEST_DIGEST: {
        "type": "string",
        "format": "binary",
        "description": "On decisions that were requested over HTTP: digest of the request's body, 16 bytes of BLAKE2b.",
    },
}
#: Version of the Kafka bindings.
_BINDINGS = "0.5.0"


def document() -> dict[str, Any]:
    """Return the AsyncAPI document, with default topic names and numbers of partitions."""
    schemas = _without_discriminators(components(PUBLIC.values(), "#/components/schemas/"))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Fraud scorer",
            "version": "1",
            "description": "Topics of a streaming fraud scorer on Kafka. Messages are JSON; each has a schema_version.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": {_operation_name(name): _operation(name) for name in CHANNELS},
        "components": {
            "messages": {name: _message(name) for name in PUBLIC},
            "schemas": schemas,
        },
    }


def rendered() -> str:
    """Return the text of schemas/asyncapi.json."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _channels() -> dict[str, Any]:
    topics = TopicSettings()
    specs = {spec.name: spec for spec in topic_table(topics)}
    channels = {}
    for name, channel in CHANNELS.items():
        spec = specs[topics.names[name]]
        configuration: dict[str, Any] = {"cleanup.policy": [spec.cleanup], "max.message.bytes": spec.max_message_bytes}
        configuration["retention.ms"] = spec.retention_ms
        channels[name] = {
            "address": spec.name,
            "description": f"{channel.summary[0].upper()}{channel.summary[1:]}.",
            "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in channel.messages},
            "bindings": {
                "kafka": {
                    "topic": spec.name,
                    "partitions": spec.partitions,
                    "topicConfiguration": configuration,
                    "bindingVersion": _BINDINGS,
                }
            },
        }
    return channels


def _message(name: str) -> dict[str, Any]:
    """Return a message with its payload, key and headers. A message has the same key on every topic that carries it."""
    message: dict[str, Any] = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "payload": {"$ref": f"#/components/schemas/{struct_name(name)}"},
    }
    key = next(channel.key for channel in CHANNELS.values() if name in channel.messages)
    binding = {"key": {"type": "string", "description": key}} if key else {}
    message["bindings"] = {"kafka": {**binding, "bindingVersion": _BINDINGS}}
    if name in REPLAYABLE:
        headers = _REPLAY_HEADERS | (_REQUEST_HEADERS if name == "decision" else {})
        message["headers"] = {"type": "object", "properties": headers}
    return message


def _without_discriminators(schema: Any) -> Any:
    """Return a schema without `discriminator`, which OpenAPI defines as an object and AsyncAPI as a string."""
    if isinstance(schema, dict):
        return {name: _without_discriminators(each) for name, each in schema.items() if name != "discriminator"}
    return [_without_discriminators(each) for each in schema] if isinstance(schema, list) else schema


def _operation_name(channel: str) -> str:
    return f"{_action(channel)}_{channel}"


def _operation(channel: str) -> dict[str, Any]:
    return {
        "action": _action(channel),
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{each}"} for each in CHANNELS[channel].messages],
        "bindings": {"kafka": {"bindingVersion": _BINDINGS}},
    }


def _action(channel: str) -> str:
    return "send" if channel in INPUTS else "receive"
