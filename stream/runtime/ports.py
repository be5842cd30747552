"""Free TCP ports, for local servers that keep their port over a restart and for our own web pages."""

import contextlib
import secrets
import socket

from schemas.errors import SettingsError

#: Below the ports that Linux (from 32768) and macOS (from 49152) assign to outgoing connections. A client that
#: keeps connecting to a stopped server in that range may be assigned the server's port, connect to itself and hold it.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return distinct ports of 127.0.0.1 that are free now.

    Nothing reserves them, so they are chosen at random: two callers rarely get the same one.

    Args:
        count: Number of ports; at least 1.

    Example:
        >>> len(set(free_ports(3)))
        3
    """
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = secrets.choice(_PORTS)
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


def free_port() -> int:
    """Return one port of 127.0.0.1 that is free now."""
    return free_ports(1)[0]


def require_free_port(host: str, port: int, setting: str = "FRAUD_WEB_PORT") -> None:
    """Check that a server can listen on a port.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        setting: Environment variable that sets the port, for the error.

    Raises:
        SettingsError: If it cannot, naming the setting to change.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]  # ::1 is an address too
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port} ({error.strerror}); set {setting}") from None
