"""Kafka client configuration: one place for addresses, security and delivery."""

import time
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from schemas.errors import BrokerAwayError, SettingsError
from stream.kafka.client_log import client_log
from stream.settings import KafkaSettings

#: Bytes. Dead letters carry up to 2 MiB of original bytes, as base64.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
#: Seconds to wait for a broker when a program starts.
CONNECT_S = 10.0
#: Of these, seconds for one attempt; between two it shows that a login was refused, which more waiting does not mend.
ATTEMPT_S = 2.0


def client_config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return what every librdkafka client takes: addresses, security, and its log on ours.

    Raises:
        SettingsError: If security asks for a name, a password or a file that is not there.
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
    """Return what every consumer takes: committed data only, from the beginning where nothing is committed."""
    return client_config(kafka) | {
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        # Fetched but unread data at most: bounds a batch in bytes, for a batch is what is there already.
        "queued.max.messages.kbytes": kafka.batch_max_mib * 1024,
        # Ask again at once after an empty answer; the default waits 500 ms when the queue was full.
        "fetch.queue.backoff.ms": 10,
    }


def producer_config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return what every producer takes: acknowledged by all replicas, each once and in order."""
    return client_config(kafka) | {
        "enable.idempotence": True,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        # Java's partitioner, so that a card has the same partition whoever produces.
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
    }


def connect(client: Producer, topic: str) -> None:
    """Have a new client connect, `ATTEMPT_S` seconds at most; whether a broker answers is for the next call to tell.

    What finds no connection, as the search for a transaction's coordinator, looks again 500 ms later.
    """
    with suppress(KafkaException):
        client.list_topics(topic, timeout=ATTEMPT_S / 2)
        # The first answer came over the address from the settings, this one over the broker that it named.
        client.list_topics(topic, timeout=ATTEMPT_S / 2)


def require_broker(kafka: KafkaSettings, timeout: float = CONNECT_S) -> None:
    """Wait until a broker answers.

    Raises:
        BrokerAwayError: If none does within `timeout` seconds, or it refuses the login.
    """
    errors: list[KafkaError] = []
    # Silent, or each attempt to connect is a line before the one that says it all.
    admin = AdminClient(client_config(kafka) | {"error_cb": errors.append, "log_level": 0})
    deadline = time.monotonic() + timeout
    while True:
        try:
            admin.list_topics(timeout=min(ATTEMPT_S, timeout))
        except KafkaException as error:
            admin.poll(0)  # a refused login is told to the callback alone; the call itself only times out
            if any(found.code() == KafkaError._AUTHENTICATION for found in errors):  # noqa: SLF001 - librdkafka's own codes begin with _
                raise BrokerAwayError(
                    f"Kafka at {kafka.bootstrap} refused user {kafka.sasl_username!r}; "
                    "set FRAUD_KAFKA_SASL_USERNAME, FRAUD_KAFKA_SASL_PASSWORD and FRAUD_KAFKA_SASL_MECHANISM"
                ) from None
            if time.monotonic() >= deadline:
                raise BrokerAwayError(
                    f"no Kafka answers at {kafka.bootstrap} ({error.args[0].str()}); "
                    "start one with `fraud-stream kafka` or set FRAUD_KAFKA_BOOTSTRAP"
                ) from None
        else:
            return
