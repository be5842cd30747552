"""With settings that do not allow a start, a program prints a one-line error and exits with code 1."""

from collections.abc import Callable

import pytest

from stream.settings import Settings
from tests.support.exits import assert_exits
from tests.support.worker_process import WorkerProcess

StartWorker = Callable[[Settings], WorkerProcess]


def test_an_unknown_kind_of_store(make_settings: Callable[..., Settings], start_worker: StartWorker) -> None:
    """If no installed package can open the bundle store, the worker exits before it connects to Kafka."""
    settings = make_settings(kafka_bootstrap="127.0.0.1:1", bundle_store="nowhere://bundles")
    assert "bundle store nowhere://bundles cannot be opened" in assert_exits(start_worker(settings), within=30)


@pytest.mark.parametrize(
    ("security", "setting"),
    [
        ({"kafka_security_protocol": "SSL", "kafka_ssl_ca": "no-such.pem"}, "FRAUD_KAFKA_SSL_CA"),
        ({"kafka_security_protocol": "SASL_PLAINTEXT"}, "FRAUD_KAFKA_SASL_USERNAME"),
    ],
    ids=["no certificate", "no user"],
)
def test_unusable_security(
    make_settings: Callable[..., Settings], start_worker: StartWorker, security: dict[str, str], setting: str
) -> None:
    """If a certificate or user is missing, the error names the setting to change."""
    line = assert_exits(start_worker(make_settings(kafka_bootstrap="127.0.0.1:1", **security)), within=30)
    assert line.startswith("fraud-stream: ")
    assert setting in line
