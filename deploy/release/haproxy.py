"""Moves HTTP traffic between the tracks with HAProxy's runtime API, without a reload."""

import socket
import time

from deploy.release.errors import ReleaseError
from deploy.release.tracks import Track

#: Seconds to wait for HAProxy's answer, and for a server to pass its health check.
TIMEOUT_S, UP_S = 5.0, 10.0
#: Seconds between two checks of a server.
POLL_S = 0.1
#: States of a server in `show servers state` (HAProxy's management guide, 9.3): running, and drained by a command.
_RUNNING, _FORCED_DRAIN = 2, 0x08
#: Name of the backend in `haproxy.cfg`; each track is a server in it.
BACKEND = "edge"


def route_to(admin: tuple[str, int], track: Track) -> None:
    """Send new requests to one track only; the other one completes those that it has.

    Args:
        admin: Host and port of the runtime API.
        track: Track that gets the requests.

    Raises:
        ReleaseError: If HAProxy does not respond, refuses the change, or finds the track not ready.
    """
    # First the new one, so that there is always a server.
    command(admin, f"set server {BACKEND}/{track} state ready")
    deadline_s = time.monotonic() + UP_S
    while track not in _receivers(admin):
        if time.monotonic() > deadline_s:
            raise ReleaseError(f"HAProxy cannot reach the edge of {track}, or it is not ready; see HAProxy's log")
        time.sleep(POLL_S)
    drain(admin, track.other)


def drain(admin: tuple[str, int], track: Track) -> None:
    """Send no new requests to a track.

    Raises:
        ReleaseError: If HAProxy does not respond or refuses the change.
    """
    command(admin, f"set server {BACKEND}/{track} state drain")


def serving(admin: tuple[str, int]) -> Track:
    """Return the track that gets the requests: the only one that is not drained and passes its health checks.

    Raises:
        ReleaseError: If HAProxy does not respond, or none or both of the tracks would get requests.
    """
    found = _receivers(admin)
    if len(found) != 1:
        shown = " and ".join(found) or "neither track"
        raise ReleaseError(f"HAProxy sends requests to {shown}; make one of them serve: set server {BACKEND}/… state")
    return found[0]


def _receivers(admin: tuple[str, int]) -> list[Track]:
    lines = command(admin, f"show servers state {BACKEND}").splitlines()
    # A version number, the names of the columns after a #, and a line for each server.
    names = lines[1].removeprefix("# ").split()
    servers = [dict(zip(names, line.split(), strict=False)) for line in lines[2:] if line]
    return [
        Track(each["srv_name"])
        for each in servers
        if int(each["srv_op_state"]) >= _RUNNING and not int(each["srv_admin_state"]) & _FORCED_DRAIN
    ]


def command(admin: tuple[str, int], line: str) -> str:
    """Run a command of the runtime API and return its output.

    Raises:
        ReleaseError: If HAProxy does not respond or refuses the command.
    """
    try:
        with socket.create_connection(admin, TIMEOUT_S) as connection:
            connection.sendall(line.encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            output = b"".join(iter(lambda: connection.recv(65536), b"")).decode().strip()
    except OSError as error:
        host, port = admin
        raise ReleaseError(
            f"HAProxy's runtime API at {host}:{port} does not respond ({error}); is it running?"
        ) from None
    # A command that changes something says nothing if it succeeds.
    if line.startswith("set ") and output:
        raise ReleaseError(f"HAProxy refuses {line!r}: {output}")
    return output
