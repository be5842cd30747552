"""`fraud-stream`: help with examples, one-line errors, exit codes, and the commands on a real Kafka."""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.errors import StaleEpochError
from schemas.messages import ModelUpdate
from stream.cli import COMMANDS
from stream.control.role_reader import current_roles
from stream.control.role_writer import publish_roles
from stream.local.owned_process import OwnedProcess
from stream.local.program_process import program_command, program_environment
from stream.runtime.ports import free_port
from stream.settings import Settings
from tests.support.bundles import put_bundle
from tests.support.command import run
from tests.support.topics import produce_all, read_all
from tests.support.until import until


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_has_an_example_to_copy(command: str) -> None:
    """Each command's help ends with an example on a line of its own."""
    result = run(command, "--help")
    assert result.returncode == 0
    assert "Example:" in result.stdout
    assert any(line.strip().startswith(("fraud-stream", "FRAUD_")) for line in result.stdout.splitlines()[2:])


@pytest.mark.parametrize(
    "arguments",
    [("no-such-command",), ("produce",), ("produce", "no-such-file"), ("tail",), ("tail", "x", "--count", "0")],
)
def test_bad_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    """Bad usage exits with click's code 2 and without a traceback."""
    result = run(*arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "many"])
def test_a_rate_is_a_positive_number_or_max(rate: str, tmp_path: Path) -> None:
    """A rate is a positive number or `max`; any other value is bad usage."""
    file = tmp_path / "empty.jsonl"
    file.touch()
    result = run("produce", str(file), "--rate", rate)
    assert result.returncode == 2
    assert "neither a positive number nor max" in result.stderr


def test_no_broker_is_one_line_with_the_fix() -> None:
    """Without a broker at the bootstrap address, each command prints a one-line error and exits with code 1."""
    commands = [("topics",), ("worker",), ("ledger",), ("archive",), ("tail", "decisions")]
    settings = [Settings().replace(kafka_bootstrap=f"127.0.0.1:{free_port()}", web_port=free_port()) for _ in commands]
    with ThreadPoolExecutor(len(commands)) as threads:  # each waits ten seconds for a broker
        results = list(threads.map(lambda each: run(*each[0], settings=each[1]), zip(commands, settings, strict=True)))
    for result, used in zip(results, settings, strict=True):
        assert result.returncode == 1
        (line,) = (line for line in result.stderr.splitlines() if line.startswith("fraud-stream:"))
        assert used.kafka.bootstrap in line
        assert "FRAUD_KAFKA_BOOTSTRAP" in line
        assert "Traceback" not in result.stderr
        assert "rdkafka" not in result.stderr, "attempts to connect must not be logged"


def test_topics_creates_what_is_missing_and_only_once(make_settings: "type[Settings]") -> None:
    """The first call names the topics that it created; the second call reports that all topics exist."""
    settings = make_settings()
    first, second = run("topics", settings=settings), run("topics", settings=settings)
    assert settings.topic.transactions in first.stdout.splitlines()
    assert "already" in second.stdout


def test_produce_sends_every_line_unchanged_and_keyed_by_card(settings: Settings, tmp_path: Path) -> None:
    """Good and bad lines are sent unchanged; a line without a card has no key; `tail` prints them all."""
    lines = [b'{"card_id": "c1", "n": %d}' % n for n in range(50)] + [b"not json"]
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    result = run("produce", str(file), "--rate", "max", settings=settings)
    assert "51 transactions sent" in result.stdout
    sent = read_all(settings.kafka.bootstrap, settings.topic.transactions)
    assert sorted(m.value() or b"" for m in sent) == sorted(lines)
    assert {m.key() for m in sent} == {b"c1", None}
    tailed = run("tail", settings.topic.transactions, "--from-beginning", "--count", "51", settings=settings)
    assert sorted(tailed.stdout.encode().splitlines()) == sorted(lines)


def test_produce_keeps_to_the_rate(settings: Settings, tmp_path: Path) -> None:
    """The timestamps of the messages are spread over at least the expected time."""
    file = tmp_path / "in.jsonl"
    file.write_bytes(b'{"card_id": "c1"}\n' * 60)
    run("produce", str(file), "--rate", "100", settings=settings)
    timestamps = [m.timestamp()[1] for m in read_all(settings.kafka.bootstrap, settings.topic.transactions)]
    assert len(timestamps) == 60
    assert max(timestamps) - min(timestamps) >= 500


def test_tail_of_an_unknown_topic_is_one_line(settings: Settings) -> None:
    """`tail` prints a one-line error that names the missing topic."""
    result = run("tail", "no-such-topic", settings=settings)
    assert result.returncode == 1
    assert result.stderr.startswith("fraud-stream: topic no-such-topic does not exist on")


def test_roles_are_written_with_a_rising_epoch_by_one_writer(settings: Settings) -> None:
    """A replaced champion becomes `previous`, and a writer with a stale epoch is rejected."""
    store = Path(settings.bundle.store)
    one, two = put_bundle(store, "1"), put_bundle(store, "2")
    assert current_roles(settings.kafka, settings.topic) is None
    first = publish_roles(settings.kafka, settings.topic, champion=one, author="test", expected_epoch=0)
    second = publish_roles(settings.kafka, settings.topic, champion=two, author="test", expected_epoch=1)
    with pytest.raises(StaleEpochError, match="epoch 2, not 1"):
        publish_roles(settings.kafka, settings.topic, champion=one, author="test", expected_epoch=1)
    assert (first.epoch, second.epoch) == (1, 2)
    assert second.previous == one
    assert isinstance(second, ModelUpdate)
    assert current_roles(settings.kafka, settings.topic) == second


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_runs_until_stopped_ends_without_an_error(
    number: signal.Signals, settings: Settings, tmp_path: Path
) -> None:
    """`tail` without a limit ends on Ctrl-C and SIGTERM with exit code 0, and prints nothing but the messages."""
    topic, output = settings.topic.transactions, tmp_path / "output"
    tail = OwnedProcess(program_command("tail", topic, "--from-beginning"), output, program_environment(settings))
    try:
        produce_all(settings.kafka.bootstrap, topic, [(None, b"{}")])
        until(lambda: output.read_bytes() == b"{}\n", 60)
        os.kill(tail.pid, number)
        until(lambda: tail.returncode is not None)
        assert tail.returncode == 0
        assert output.read_bytes() == b"{}\n"
    finally:
        tail.kill()


def test_kafka_stops_its_broker_on_a_signal(tmp_path: Path) -> None:
    """`kafka` announces its address, and after SIGTERM its broker is gone."""
    port, output = free_port(), tmp_path / "output"
    command = program_command("kafka", "--port", str(port), "--dir", str(tmp_path / "kafka"))
    kafka = OwnedProcess(command, output, program_environment(Settings()))
    try:
        until(lambda: "Stop it with Ctrl-C" in output.read_text(), 60)
        assert kafka.stop(30) == 0
    finally:
        kafka.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
