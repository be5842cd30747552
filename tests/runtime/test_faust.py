"""What the project adds to Faust: credentials in its form, a channel that drops nothing, and pages for probes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest
from faust import SASLCredentials, SSLCredentials
from prometheus_client import CollectorRegistry

from schemas.errors import SettingsError
from stream.runtime.batch_channel import BatchChannel
from stream.runtime.faust_security import faust_credentials
from stream.runtime.readiness import Problem
from stream.runtime.web_pages import add_pages
from stream.settings import Settings

Page = Callable[[Any, Any], Awaitable[None]]


def test_each_protocol_has_its_credentials() -> None:
    """TLS alone needs no name or password; both protocols with TLS check the broker's certificate."""
    login = {"kafka_sasl_username": "ann", "kafka_sasl_password": "secret", "kafka_sasl_mechanism": "PLAIN"}
    made = {
        protocol: faust_credentials(Settings().replace(kafka_security_protocol=protocol, **login).kafka)
        for protocol in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
    }
    assert made["PLAINTEXT"] is None
    assert isinstance(made["SSL"], SSLCredentials)
    assert isinstance(made["SASL_PLAINTEXT"], SASLCredentials)
    assert made["SASL_PLAINTEXT"].ssl_context is None
    assert isinstance(made["SASL_SSL"], SASLCredentials)
    for context in (made["SSL"].context, made["SASL_SSL"].ssl_context):
        assert context
        assert context.check_hostname


@pytest.mark.parametrize("setting", ["kafka_ssl_ca", "kafka_ssl_certificate"])
def test_an_unreadable_certificate_is_one_error(setting: str) -> None:
    """A certificate that cannot be read is an error that names the settings."""
    changed = {"kafka_security_protocol": "SSL", setting: "/nowhere.pem", "kafka_ssl_key": "/nowhere.key"}
    with pytest.raises(SettingsError, match="check FRAUD_KAFKA_SSL_CA, _CERTIFICATE and _KEY"):
        faust_credentials(Settings().replace(**changed).kafka)


def test_a_batch_is_not_dropped_for_want_of_an_agent() -> None:
    """Faust drops what a channel without subscribers receives; offering a batch to one is an error instead."""

    async def offer() -> None:
        BatchChannel(Mock()).offer(Mock(), asyncio.get_running_loop())

    with pytest.raises(RuntimeError, match="no agent subscribes"):
        asyncio.run(offer())


class FakeApp:
    """Stands in for a Faust app, and keeps the functions of its pages so that a test can call them."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}

    def page(self, path: str) -> Callable[[Page], Page]:
        """Keep the function of a page."""
        return lambda function: self.pages.setdefault(path, function)

    def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the JSON of a page."""
        view = Mock()
        view.json.side_effect = lambda body, status=200: (status, msgspec.json.decode(msgspec.json.encode(body)))
        return asyncio.run(self.pages[path](view, None))  # type: ignore[arg-type]


def test_a_program_that_is_not_ready_is_alive() -> None:
    """A program with a problem gets no traffic but is not restarted: that would not cure an outage."""
    app, problems = FakeApp(), [Problem.BROKER_UNAVAILABLE]
    add_pages(app, CollectorRegistry(), lambda: problems)  # type: ignore[arg-type]
    assert app.get("/healthz") == (200, {"status": "ok"})
    assert app.get("/readyz")[0] == 503
    problems.clear()
    assert app.get("/readyz")[0] == 200
