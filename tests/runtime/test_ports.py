"""Checking that a port is free before a program listens on it."""

import socket
from collections import deque

import pytest

from schemas.errors import SettingsError
from stream.runtime import ports
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


def test_a_port_is_not_returned_again_while_its_server_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports are returned once each, although no server has taken them yet."""
    monkeypatch.setattr(ports, "_PORTS", range(20_000, 20_100))
    monkeypatch.setattr(ports, "_recent", deque(maxlen=200))
    returned = [free_port() for _ in range(50)]
    assert len(set(returned)) == len(returned)
