"""Configuration of a Kafka of one node on one machine."""

from pathlib import Path

#: What makes one small node of a broker whose defaults are for a cluster.
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
    # 50 by default, each with files of its own: start and stop would pay for them.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # Nobody else is about to join: the first rebalance need not wait 3 s for company.
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    # Above the 2 MB that an upstream may allow itself and the dead letters made of it.
    "message.max.bytes": str(4 * 2**20),
    # Timed-out transactions are looked for every second, not every ten, so that tests of faults need not wait.
    # When one has timed out stays the producer's word; a production broker only notices up to 10 s later.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # After a power cut the controller, which is the same process, waits this long for the broker that it takes to
    # be alive still: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # 128 MB of heap by default, taken at the start.
    "log.cleaner.dedupe.buffer.size": str(8 * 2**20),
}

#: Kafka's log4j2 properties; `{log}` is the file to write.
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
    *, data: Path, client: str, advertised: str, internal: str, controller: str, sasl: tuple[str, str] | None
) -> str:
    """Return a server.properties file.

    Args:
        data: Directory of the node's data.
        client: host:port where clients are served.
        advertised: host:port that clients are told to use.
        internal: host:port where the broker talks to itself, so that its transaction markers need no password and
            pass no proxy.
        controller: host:port of the controller.
        sasl: User and password that clients must give, if any.
    """
    security = "SASL_PLAINTEXT" if sasl else "PLAINTEXT"
    properties = SINGLE_NODE | {
        "log.dirs": str(data),
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"CLIENT://{client},INTERNAL://{internal},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENT://{advertised},INTERNAL://{internal}",
        "listener.security.protocol.map": f"CLIENT:{security},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    if sasl:
        user, password = sasl
        login = "org.apache.kafka.common.security.plain.PlainLoginModule"
        properties |= {
            "listener.name.client.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": f'{login} required user_{user}="{password}";',
        }
    return "".join(f"{name}={value}\n" for name, value in properties.items())
