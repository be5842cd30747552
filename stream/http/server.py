"""How uvicorn serves the edge: its limits, and nothing between a connection and the application."""

import contextlib
import resource
from collections.abc import Iterator

import uvicorn

from stream.http.fast_path import Hot, HotConnection
from stream.settings import Settings

#: Seconds for requests in hand to be answered when stopped; the rest of a stop takes less than the bound leaves.
GRACE_S = 2
#: Seconds for which a connection is kept between two requests: senders keep pools of them.
KEEP_ALIVE_S = 60
#: Connections that the system may hold for us, open but idle ones included.
CONNECTIONS = 20_000


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the program has some."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def server_config(settings: Settings, app: Hot) -> uvicorn.Config:
    """Return how an application is served.

    Args:
        settings: Address, TLS.
        app: The application, whose short way begins at the connection.
    """
    return uvicorn.Config(
        app,
        host=settings.http.host,
        port=settings.http.port,
        http=HotConnection,
        ws="none",
        lifespan="off",
        ssl_certfile=settings.http.tls_certificate or None,
        ssl_keyfile=settings.http.tls_key or None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_config=None,
    )


def allow_connections() -> None:
    """Let the process have as many connections as the system allows it, up to ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS if hard == resource.RLIM_INFINITY else min(CONNECTIONS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
