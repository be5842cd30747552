"""A short way for the address that nearly all requests are for, past what a framework does for the others.

FastAPI's middleware, routing and parameters take half of what a decision over HTTP takes in all. The route is declared
there like any other, for its description; its handler is the same function.
"""

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from stream.http.metrics import HttpMetrics
from stream.http.problems import problem_of, problem_response

Handler = Callable[[Request], Awaitable[Response]]


class Hot:
    """Answers `POST` to one path by itself.

    Args:
        app: Answers everything else.
        path: Of the hot route.
        handler: Answers it; whatever it raises is a problem.
        metrics: Counts its responses.
    """

    def __init__(self, app: ASGIApp, path: str, handler: Handler, metrics: HttpMetrics) -> None:
        self._app = app
        self._path = path
        self._handler = handler
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or scope["path"] != self._path or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        try:
            response = await self._handler(Request(scope, receive))
        except Exception as error:  # noqa: BLE001 - an unforeseen one is logged there
            response = problem_response(problem_of(error))
        await response(scope, receive, send)
        self._metrics.responded(self._path, response.status_code, time.perf_counter() - began)
