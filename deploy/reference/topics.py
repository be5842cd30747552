"""docs/topics.md: the topics and the fields of their messages."""

from deploy.reference.access import PROGRAMS, TAIL, Access, readers, writers
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

With `isolation.level=read_committed` a consumer sees each of the workers' decisions exactly once. With
`read_uncommitted` it sees decisions sooner, but some of them may belong to Kafka transactions that are aborted and
repeated later. A transaction that a client sends to two HTTP edges at the same moment may have two decisions; the
ledger keeps one.
"""
_WRITERS_AND_READERS = """
Names in code style are programs: commands of `fraud-stream`, and `fraud-train`. `fraud-stream tail` can read any topic.
The rollback monitor and the drift monitor run in a `worker`, the console in `http`.
"""
_ACCESS = f"""
The rights that each program's user needs on a broker with ACLs: Read on the topics that it reads, Write on those that
it writes to, Read on its consumer groups, and Write on its transactional ids. `<…>` stands for the value of a setting
or the name of a topic, and `<n>` for the numbers from 0 to `FRAUD_WORKER_PRODUCERS` - 1. Programs in bold exit at start
if a topic is missing, and a topic without rights looks missing: grant them Describe on all topics of the project.
`fraud-stream topics` needs Create; `fraud-stream tail` needs Read on its topic and on the group `{TAIL}`.
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
        configuration.append([code(topic), _names(writers(name)), _names(readers(name)), *_configuration(specs[topic])])
    return "\n".join(
        [
            head("Topics and messages", "the structs and the table of topics", _INTRODUCTION),
            "## Topics\n",
            table(["topic", "key", "message", "content"], contents) + "\n",
            "## Writers, readers and configuration\n" + _WRITERS_AND_READERS,
            table(["topic", "written by", "read by", "partitions", "kept for", "largest message"], configuration)
            + "\n",
            "## Access rules\n" + _ACCESS,
            table(
                ["program", "reads", "writes", "groups", "transactional ids"],
                [_rights(name, access, topics) for name, access in PROGRAMS.items()],
            )
            + "\n",
            "## Messages\n",
            sections(components(PUBLIC.values(), "#/"), "###"),
        ]
    )


def _configuration(spec: TopicSpec) -> list[str]:
    kept = "forever" if spec.retention_ms == FOREVER else f"{spec.retention_ms // DAY_MS} days"
    compacted = ", compacted" if spec.cleanup == "compact" else ""
    return [str(spec.partitions), kept + compacted, f"{spec.max_message_bytes // _MIB} MiB"]


def _names(users: list[str]) -> str:
    return ", ".join(code(user) if user in PROGRAMS else user for user in users)


def _rights(program: str, access: Access, topics: TopicSettings) -> list[str]:
    reads = [topics.names[name] for name in access.reads]
    writes = [topics.names[name] for name in access.writes]
    name = f"**{program}**" if access.checks_all_topics else program
    return [name, *(", ".join(map(code, each)) for each in (reads, writes, access.groups, access.transactional_ids))]
