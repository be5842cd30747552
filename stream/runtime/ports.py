"""Free TCP ports: for servers whose clients must find them again after a restart, and for our own pages."""

import contextlib
import secrets
import socket

from schemas.errors import SettingsError

#: Below the ports that Linux (from 32768) and macOS (from 49152) give to outgoing connections. A client that
#: keeps calling a stopped server in that range can be given the very same port, connect to itself and hold it.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Find distinct ports that nobody listens on.

    Args:
        count: How many; at least 1.

    Returns:
        The ports. They are free now; nothing keeps them so, hence the random choice.

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
    """Find one port that nobody listens on."""
    return free_ports(1)[0]


def require_free_port(host: str, port: int, setting: str = "FRAUD_WEB_PORT") -> None:
    """Check that a port can be listened on.

    Raises:
        SettingsError: If it cannot, naming the setting that says the port.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]  # ::1 is an address too
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        raise SettingsError(f"{host}:{port} cannot be listened on ({error.strerror}); set {setting}") from None
