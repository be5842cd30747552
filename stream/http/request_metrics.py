"""ASGI middleware that counts and times every response."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream.http.metrics import HttpMetrics

#: Route label of a request that matches no route. Senders choose the paths, so paths cannot be labels.
NO_ROUTE = "none"


class RequestMetrics:
    """Counts and times responses by route and status.

    Args:
        app: Application that handles the requests.
        metrics: Metrics of the edge.
    """

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, and count the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()
        status = 0

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note_status)
        except Exception:
            status = 500  # an outer middleware sends this response
            raise
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            # An event stream lasts as long as its page is open, so its duration says nothing about this server's speed.
            if not route.endswith("/events"):
                self._metrics.responded(route, status, time.perf_counter() - began_s)
