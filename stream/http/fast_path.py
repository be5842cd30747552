"""A shortcut past FastAPI for nearly all requests: small transactions sent to `POST /predict`.

FastAPI's middleware, routing and parameters, a task per request, and a response in two writes account for half of the
time that a prediction over HTTP takes. So the connection and the prediction service exchange these requests and
responses directly, through callbacks. The route is also declared in FastAPI, which handles everything else: other
paths, large or chunked bodies, `Expect: 100-continue`, clients that do not read their responses, and every request
while traces are exported.
"""

import asyncio
import itertools
import time
from collections.abc import Callable
from functools import partial
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from stream.http.body import JSON
from stream.http.connection import BoundedConnection
from stream.http.metrics import HttpMetrics
from stream.http.problems import problem_details, problem_response

#: Maximum number of digits in a Content-Length that the fast path accepts.
_MAX_DIGITS = len(str(HIGH_WATER_LIMIT))
_JSON = JSON.encode()

#: Decides the transaction in a request's body; raises, or fails the future, if it cannot.
Predict = Callable[[Request, bytes], asyncio.Future[bytes]]
SendResponse = Callable[[Response], None]


class FastPath:
    """An ASGI application with a shortcut for one of its routes.

    Args:
        app: Application that handles every request that does not take the shortcut.
        path: Path of the route with the shortcut, which only `POST` requests take.
        predict: Decides one transaction.
        metrics: Metrics of the edge.
        max_bytes: Maximum size of a transaction in bytes.
        enabled: Whether requests may take the shortcut.
    """

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        predict: Predict,
        metrics: HttpMetrics,
        *,
        max_bytes: int,
        enabled: bool = True,
    ) -> None:
        self._app = app
        self._path = path
        self._predict = predict
        self._metrics = metrics
        self._max_bytes = min(max_bytes, HIGH_WATER_LIMIT)  # uvicorn stops reading when more than that is buffered
        self._enabled = enabled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request that does not take the shortcut."""
        await self._app(scope, receive, send)

    def accepts(self, scope: HTTPScope) -> bool:
        """Return whether the shortcut accepts a request."""
        if not self._enabled or scope["path"] != self._path or scope["method"] != "POST":
            return False
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        fits = len(length) <= _MAX_DIGITS and length.isdigit() and int(length) <= self._max_bytes
        return fits and headers.get(b"content-type") == _JSON

    def handle(self, scope: HTTPScope, body: bytes, began_s: float, send: SendResponse) -> None:
        """Handle a complete request. The response follows in a later iteration of the event loop.

        Args:
            scope: ASGI scope of the request.
            body: Body of the request.
            began_s: `time.perf_counter()` when the request's headers were complete.
            send: ASGI callable that sends the response.
        """
        try:
            decision = self._predict(Request(cast("Scope", scope)), body)
        except Exception as error:  # noqa: BLE001 - `problem_details` logs an unexpected error
            # Respond in a later iteration of the event loop. Responding now would handle the next pipelined request
            # inside this call, and so on, without a limit on the depth of calls.
            asyncio.get_running_loop().call_soon(self._respond, began_s, send, _problem(error))
        else:
            decision.add_done_callback(partial(self._on_decided, began_s, send))

    def _on_decided(self, began_s: float, send: SendResponse, decision: asyncio.Future[bytes]) -> None:
        error = decision.exception()
        response = Response(decision.result(), media_type=JSON) if error is None else _problem(error)
        self._respond(began_s, send, response)

    def _respond(self, began_s: float, send: SendResponse, response: Response) -> None:
        send(response)
        self._metrics.responded(self._path, response.status_code, time.perf_counter() - began_s)


class FastPathConnection(BoundedConnection):
    """A connection whose small prediction requests take the fast path."""

    #: Handles the request whose body is being read, if it takes the fast path.
    _handle_when_complete: Callable[[], None] | None = None

    def on_message_complete(self) -> None:
        """Handle a request whose body is complete."""
        super().on_message_complete()
        handle, self._handle_when_complete = self._handle_when_complete, None
        if handle is not None:
            handle()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        ordinary = not cycle.waiting_for_100_continue and not self.flow.write_paused
        if not (isinstance(app, FastPath) and ordinary and app.accepts(cycle.scope)):
            super()._start_asgi_task(cycle, app)
            return
        handle = partial(self._handle, cycle, app, time.perf_counter())
        if cycle.more_body:  # the connection is still reading this request
            self._handle_when_complete = handle
        else:
            handle()

    def _handle(self, cycle: RequestResponseCycle, app: FastPath, began_s: float) -> None:
        body, cycle.body = bytes(cycle.body), bytearray()
        app.handle(cycle.scope, body, began_s, partial(self._send_response, cycle))

    def _send_response(self, cycle: RequestResponseCycle, response: Response) -> None:
        cycle.on_response = _do_nothing  # breaks a reference cycle between the connection and the request
        if cycle.disconnected or self.transport.is_closing():
            return
        head = [STATUS_LINE[response.status_code]]
        for name, value in itertools.chain(cycle.default_headers, response.raw_headers):
            head += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            head.append(b"connection: close\r\n")
        self.transport.write(b"".join((*head, b"\r\n", response.body)))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _do_nothing() -> None:
    pass


def _problem(error: BaseException) -> Response:
    return problem_response(problem_details(error if isinstance(error, Exception) else RuntimeError(repr(error))))
