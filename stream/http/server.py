"""Configuration of uvicorn for the edge."""

import contextlib
import resource
from collections.abc import Iterator

import uvicorn

from stream.http.fast_path import FastPath, FastPathConnection
from stream.settings import HttpSettings

#: Seconds within which requests in flight must get their responses on shutdown. That leaves enough of the program's
#: stop timeout for the rest of the shutdown.
GRACE_S = 2
#: Seconds for which an idle connection is kept open. Clients keep pools of connections.
KEEP_ALIVE_S = 60
#: Maximum number of open connections, including idle connections.
MAX_CONNECTIONS = 20_000


class EdgeServer(uvicorn.Server):
    """uvicorn without its signal handlers, because the program installs its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


def server_config(http: HttpSettings, app: FastPath) -> uvicorn.Config:
    """Return uvicorn's configuration.

    Args:
        http: Settings with the address and the TLS files.
        app: Application with its fast path.
    """
    return uvicorn.Config(
        app,
        host=http.host,
        port=http.port,
        http=FastPathConnection,
        ws="none",
        lifespan="off",
        ssl_certfile=http.tls_certificate or None,
        ssl_keyfile=http.tls_key or None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_config=None,
    )


def raise_connection_limit() -> None:
    """Raise this process's limit on open files to MAX_CONNECTIONS, or as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS if hard == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
