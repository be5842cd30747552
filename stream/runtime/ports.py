"""Find free TCP ports, for local servers that keep their port across restarts and for our own web pages."""

import contextlib
import secrets
import socket
from collections import deque

from schemas.errors import SettingsError

#: Range below the ports that Linux (from 32768) and macOS (from 49152) assign to outgoing connections. A client that
#: keeps connecting to a stopped server on such a port may be assigned that port, connect to itself and block the port.
_PORTS = range(20_000, 32_000)
#: Ports returned most recently in this process. They look free until their servers start, which can take seconds.
_recent: deque[int] = deque(maxlen=200)


def free_ports(count: int) -> list[int]:
    """Return distinct ports on 127.0.0.1 that are free now and were not returned recently.

    Nothing reserves the ports, so they are chosen at random: two processes rarely get the same port.

    Args:
        count: Number of ports to return; at least 1.

    Example:
        >>> len(set(free_ports(3)))
        3
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = secrets.choice(_PORTS)
            if port in _recent:
                continue
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
                _recent.append(port)
        return ports


def free_port() -> int:
    """Return a port on 127.0.0.1 that is free now."""
    return free_ports(1)[0]


def require_free_port(host: str, port: int, setting: str = "FRAUD_WEB_PORT") -> None:
    """Check that a server can listen on a port.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        setting: Environment variable that sets the port, for the error message.

    Raises:
        SettingsError: If no server can listen on the port. The error names the setting to change.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]  # IPv6 addresses such as ::1 are allowed
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port} ({error.strerror}); set {setting} to another port"
        ) from None
