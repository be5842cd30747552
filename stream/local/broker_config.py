"""Configuration of a single-node Kafka on one machine."""

from collections.abc import Mapping
from pathlib import Path

#: Properties for a small single node; Kafka's defaults are for a cluster.
SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "INTERNAL",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # 50 partitions by default, each with its own files, which slow down start and stop.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # The first rebalance need not wait the default 3 s for further members.
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    # Above the 2 MiB of a message from upstream, and above its dead letter.
    "message.max.bytes": str(4 * 2**20),
    # Check for timed-out transactions every second, not every ten, so that fault tests need not wait. The producer
    # still sets the timeout; a production broker only notices it up to 10 s later.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # After a power failure the controller (the same process) waits this long for the broker, which it believes
    # to be still alive. The default is 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # By default, 128 MB of heap are allocated at startup.
    "log.cleaner.dedupe.buffer.size": str(8 * 2**20),
}

#: Kafka's log4j2 properties; `{log}` stands for the log file.
LOGGING = """\
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %m (%c{{1}})%n
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = file
"""


def server_properties(
    *,
    data: Path,
    client: str,
    advertised: str,
    internal: str,
    controller: str,
    users: Mapping[str, str] | None,
    with_acls: bool,
) -> str:
    """Return the content of server.properties.

    Args:
        data: Directory in which the node stores its data.
        client: host:port on which the broker listens for clients.
        advertised: host:port that is advertised to clients.
        internal: host:port for the broker's connections to itself, so that its transaction markers need no password and
            bypass the proxy.
        controller: host:port on which the controller listens.
        users: Passwords of the clients' users; None for no authentication.
        with_acls: Whether users may do only what ACLs allow. The broker itself, on `internal`, may do everything.
    """
    security = "SASL_PLAINTEXT" if users else "PLAINTEXT"
    properties = SINGLE_NODE | {
        "log.dirs": str(data),
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"CLIENT://{client},INTERNAL://{internal},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENT://{advertised},INTERNAL://{internal}",
        "listener.security.protocol.map": f"CLIENT:{security},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    if users:
        login = "org.apache.kafka.common.security.plain.PlainLoginModule"
        known = " ".join(f'user_{user}="{password}"' for user, password in users.items())
        properties |= {
            "listener.name.client.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": f"{login} required {known};",
        }
    if with_acls:
        properties |= {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }
    return "".join(f"{name}={value}\n" for name, value in properties.items())
