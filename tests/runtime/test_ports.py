"""Checking that a port is free before a program listens on it."""

import socket

import pytest

from schemas.errors import SettingsError
from stream.runtime.ports import free_port, require_free_port


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_a_port_in_use_is_reported_with_its_setting(host: str, family: socket.AddressFamily) -> None:
    """A port in use, on IPv4 or IPv6, causes an error that names the setting; a free port causes no error."""
    port = free_port()
    with (
        socket.create_server((host, port), family=family),
        pytest.raises(SettingsError, match="set FRAUD_HTTP_PORT"),
    ):
        require_free_port(host, port, "FRAUD_HTTP_PORT")
    require_free_port(host, port, "FRAUD_HTTP_PORT")
