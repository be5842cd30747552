"""One Kafka for the whole test session: the user's own, otherwise one in a container or a local process."""

import contextlib
import os
import time
from collections.abc import Iterator

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stream.local.broker import LocalBroker
from stream.local.broker_config import SINGLE_NODE
from stream.local.distribution import KAFKA_VERSION
from stream.runtime.ports import free_port

#: Seconds within which a broker in a container must respond.
_CONTAINER_START_S = 60.0


@contextlib.contextmanager
def session_broker() -> Iterator[str]:
    """Yield the bootstrap server of a broker; stop the broker afterwards if this function started it."""
    if bootstrap := os.environ.get("KAFKA_BOOTSTRAP"):
        yield bootstrap
    elif _docker_answers():
        with _container() as container_bootstrap:
            yield container_bootstrap
    else:
        with LocalBroker(brief=True) as broker:
            yield broker.bootstrap


def _docker_answers() -> bool:
    try:
        # Imported here because the import is slow, and needed only when no address is given.
        from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415

        DockerClient(timeout=3).client.ping()
    except Exception:  # noqa: BLE001 - no package, no engine or no permission: Docker cannot be used
        return False
    return True


@contextlib.contextmanager
def _container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - see above

    bootstrap = f"127.0.0.1:{(port := free_port())}"
    properties = SINGLE_NODE | {
        "controller.quorum.voters": "1@localhost:9093",
        "listeners": "CLIENT://:9092,INTERNAL://:9094,CONTROLLER://:9093",
        "advertised.listeners": f"CLIENT://{bootstrap},INTERNAL://localhost:9094",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}").with_bind_ports(9092, port)
    for name, value in properties.items():
        container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    with container:
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 500})
        deadline = time.monotonic() + _CONTAINER_START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(KafkaException):
                if admin.list_topics(timeout=1).brokers:
                    break
        yield bootstrap
