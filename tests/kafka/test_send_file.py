"""`fraud-stream produce` reports what Kafka did not accept."""

import os
from pathlib import Path

import pytest

from schemas.errors import DataError, KafkaError
from stream.kafka.send_file import send_file
from stream.settings import Settings


def send(settings: Settings, file: Path) -> int:
    """Send a file at full speed, and return the number of transactions sent."""
    return send_file(settings.kafka, settings.topic, file, None, lambda _: None)


@pytest.mark.parametrize("size", [3_000_000, 5_000_000], ids=["for the topic", "for the client"])
def test_a_line_that_is_too_large_is_an_error(settings: Settings, tmp_path: Path, size: int) -> None:
    """The broker or the client rejects the second line; the command must not report the file as sent."""
    file = tmp_path / "transactions.jsonl"
    incompressible = os.urandom(size).replace(b"\n", b" ")
    file.write_bytes(b"{}\n" + incompressible + b"\n")
    with pytest.raises(KafkaError, match=r"Kafka did not accept 1 transactions, .*too large.*; fix the cause and send"):
        send(settings, file)


def test_a_file_that_cannot_be_read_is_an_error(settings: Settings, tmp_path: Path) -> None:
    """Reading may fail even though the file exists; here, because it is a folder."""
    with pytest.raises(DataError, match=r"cannot read .* \(Is a directory\); check the file's permissions"):
        send(settings, tmp_path)
