"""Configuration of Kafka clients: brokers, security and delivery in one place."""

import time
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from schemas.errors import BrokerUnavailableError, SettingsError
from stream.kafka.client_log import client_log
from stream.settings import KafkaSettings

#: Maximum size of a message in bytes. Dead letters carry up to 2 MiB of original bytes, as base64.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
#: Seconds to wait for a broker when a program starts.
CONNECT_S = 10.0
#: Milliseconds between a group member's heartbeats; well below the shortest session timeout.
HEARTBEAT_MS = 300
#: Seconds for one attempt within CONNECT_S. A rejected login is reported after each attempt: waiting would not help.
ATTEMPT_S = 2.0


def client_config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return the configuration that all librdkafka clients share: brokers, security and log.

    Raises:
        SettingsError: If the security protocol requires a user or a password that is not set.
    """
    config: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap,
        "security.protocol": kafka.security_protocol,
        "logger": client_log,
        # Reconnect quickly after an outage; the default backs off to 10 s.
        "reconnect.backoff.max.ms": 1000,
    }
    if kafka.security_protocol.startswith("SASL"):
        if not (kafka.sasl_username and kafka.sasl_password):
            raise SettingsError(
                f"{kafka.security_protocol} needs a user; set FRAUD_KAFKA_SASL_USERNAME and FRAUD_KAFKA_SASL_PASSWORD"
            )
        config["sasl.mechanism"] = kafka.sasl_mechanism
        config["sasl.username"] = kafka.sasl_username
        config["sasl.password"] = kafka.sasl_password
    files = {
        "ssl.ca.location": kafka.ssl_ca,
        "ssl.certificate.location": kafka.ssl_certificate,
        "ssl.key.location": kafka.ssl_key,
    }
    return config | {key: path for key, path in files.items() if path}


def consumer_config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return the configuration that all consumers share: read committed data, from the earliest offset by default."""
    return client_config(kafka) | {
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        # Limits the data fetched but not read, and so the size of a batch, which consists of what is already fetched.
        "queued.max.messages.kbytes": kafka.batch_max_mib * 1024,
        # Fetch again at once after the queue was full; the default waits 500 ms.
        "fetch.queue.backoff.ms": 10,
    }


def member_config(kafka: KafkaSettings, group: str, strategy: str) -> dict[str, Any]:
    """Return the configuration of a consumer that joins a consumer group.

    Args:
        kafka: Kafka connection, slot and session timeout.
        group: Consumer group to join.
        strategy: Strategy by which the group assigns partitions: `range` or `cooperative-sticky`.
    """
    return consumer_config(kafka) | {
        "group.id": group,
        "client.id": f"{group}-{kafka.slot}",
        "session.timeout.ms": kafka.session_timeout_ms,
        # A member learns of a rebalance from the response to a heartbeat, and until every member has joined again, none
        # reads: the interval is part of the pause in each planned restart.
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "partition.assignment.strategy": strategy,
    }


def producer_config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return the configuration that all producers share: write once and in order, acknowledged by all replicas."""
    return client_config(kafka) | {
        "enable.idempotence": True,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        # Java's partitioner, so that a card has the same partition whichever client produces.
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
    }


def connect(client: Producer, topic: str) -> None:
    """Wait up to `ATTEMPT_S` seconds for a new client to connect. If it cannot, its next call reports the failure.

    Before the client is connected, a request such as the search for a transaction coordinator fails, and is retried
    only 500 ms later.
    """
    with suppress(KafkaException):
        client.list_topics(topic, timeout=ATTEMPT_S / 2)
        # The first response came from a bootstrap server; the second comes from a broker that this server named.
        client.list_topics(topic, timeout=ATTEMPT_S / 2)


def require_broker(kafka: KafkaSettings, timeout: float = CONNECT_S) -> None:
    """Wait until a broker responds.

    Args:
        kafka: Kafka connection.
        timeout: Maximum number of seconds to wait.

    Raises:
        BrokerUnavailableError: If no broker responds in time, or the broker rejects the login.
    """
    errors: list[KafkaError] = []
    # Logging is off: each attempt to connect would log a line before the single error that is raised here.
    admin = AdminClient(client_config(kafka) | {"error_cb": errors.append, "log_level": 0})
    deadline = time.monotonic() + timeout
    while True:
        try:
            admin.list_topics(timeout=min(ATTEMPT_S, timeout))
        except KafkaException as error:
            admin.poll(0)  # a rejected login is reported only to the callback; the call itself times out
            if any(each.code() == KafkaError._AUTHENTICATION for each in errors):  # noqa: SLF001 - librdkafka's own codes begin with _
                raise BrokerUnavailableError(
                    f"Kafka at {kafka.bootstrap} rejected the login of {kafka.sasl_username!r}; "
                    "set FRAUD_KAFKA_SASL_USERNAME, FRAUD_KAFKA_SASL_PASSWORD and FRAUD_KAFKA_SASL_MECHANISM"
                ) from None
            if time.monotonic() >= deadline:
                raise BrokerUnavailableError(
                    f"Kafka at {kafka.bootstrap} is not responding ({error.args[0].str()}); "
                    "start one with `fraud-stream kafka` or set FRAUD_KAFKA_BOOTSTRAP"
                ) from None
        else:
            return
