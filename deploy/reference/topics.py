"""docs/topics.md: the topics and the fields of their messages."""

from deploy.reference.channels import CHANNELS, struct_name
from deploy.reference.contracts import sections
from deploy.reference.markdown import code, head, table
from schemas.json_schema import components
from schemas.messages import PUBLIC
from stream.kafka.topics import DAY_MS, FOREVER, TopicSpec, topic_table
from stream.settings import TopicSettings

_INTRODUCTION = """
`fraud-stream topics` creates the missing topics, as in the tables below; no other command creates topics. The
`FRAUD_TOPIC_…` [settings](settings.md#topic) change the topics' names, the number of partitions of keyed topics, and
the replication factor.

Messages are JSON, and each carries its `schema_version`. [asyncapi.json](../schemas/asyncapi.json) is the same
description for programs, in AsyncAPI 3, and [schemas/json/](../schemas/json) contains a JSON Schema for each message.

With `isolation.level=read_committed` a consumer sees each decision exactly once. With `read_uncommitted` it sees
decisions sooner, but some of them may belong to Kafka transactions that are aborted and repeated later.
"""
_MIB = 1024 * 1024


def page() -> str:
    """Return the text of docs/topics.md."""
    topics = TopicSettings()
    specs = {spec.name: spec for spec in topic_table(topics)}
    contents, configuration = [], []
    for name, channel in CHANNELS.items():
        topic = topics.names[name]
        names = map(struct_name, channel.messages)
        messages = ", ".join(f"[{name}](#{name.lower()})" for name in names)
        contents.append([code(topic), channel.key or "none", messages, channel.summary])
        configuration.append(
            [code(topic), ", ".join(channel.writers), ", ".join(channel.readers), *_configuration(specs[topic])]
        )
    return "\n".join(
        [
            head("Topics and messages", "the structs and the table of topics", _INTRODUCTION),
            "## Topics\n",
            table(["topic", "key", "message", "content"], contents) + "\n",
            table(["topic", "written by", "read by", "partitions", "kept for", "largest message"], configuration)
            + "\n",
            "## Messages\n",
            sections(components(PUBLIC.values(), "#/"), "###"),
        ]
    )


def _configuration(spec: TopicSpec) -> list[str]:
    kept = "ever" if spec.retention_ms == FOREVER else f"{spec.retention_ms // DAY_MS} days"
    compacted = ", compacted" if spec.cleanup == "compact" else ""
    return [str(spec.partitions), kept + compacted, f"{spec.max_message_bytes // _MIB} MiB"]
