"""Every response counted and timed, as ASGI middleware."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream.http.metrics import HttpMetrics

#: Label of what no route is for: addresses are the sender's to choose, so they are no labels.
NO_ROUTE = "none"


class Responded:
    """Counts responses.

    Args:
        app: Answers.
        metrics: Counts.
    """

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            status = 500  # which is answered further out
            raise
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            # A stream of events lasts as long as a page is open, which says nothing about this server.
            if not route.endswith("/events"):
                self._metrics.responded(route, status, time.perf_counter() - began)
