"""Ports that a program may listen on, or may not."""

import socket

import pytest

from schemas.errors import SettingsError
from stream.runtime.ports import free_port, require_free_port


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_port_that_is_taken_is_said_with_its_setting(host: str, family: socket.AddressFamily) -> None:
    """On either kind of address, and only while it is taken."""
    port = free_port()
    with (
        socket.create_server((host, port), family=family),
        pytest.raises(SettingsError, match="set FRAUD_HTTP_PORT"),
    ):
        require_free_port(host, port, "FRAUD_HTTP_PORT")
    require_free_port(host, port, "FRAUD_HTTP_PORT")
