"""Checking that a port is free before a program listens on it."""

import socket

import pytest

from schemas.errors import SettingsError
from stream.runtime.ports import free_port, require_free_port


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_port_in_use_is_reported_with_its_setting(host: str, family: socket.AddressFamily) -> None:
    """The error names the setting, for IPv4 and IPv6, and only while the port is in use."""
    port = free_port()
    with (
        socket.create_server((host, port), family=family),
        pytest.raises(SettingsError, match="set FRAUD_HTTP_PORT"),
    ):
        require_free_port(host, port, "FRAUD_HTTP_PORT")
    require_free_port(host, port, "FRAUD_HTTP_PORT")
