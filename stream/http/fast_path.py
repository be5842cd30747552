"""A short way for the requests that nearly all are: a small transaction to be decided, read at once.

FastAPI's middleware, routing and parameters, a task for each request, and a reply in two writes take half of what a
decision over HTTP takes in all. So such a request goes from the connection to the desk and back by callbacks. The route
is declared with FastAPI like any other, and whatever is out of the ordinary goes there: other addresses, large bodies
and those in chunks, who waits to be told to go on, who does not read replies, and everything while traces are sent.
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
from stream.http.connection import Connection
from stream.http.metrics import HttpMetrics
from stream.http.problems import problem_of, problem_response

#: Of a body's length; longer ones are more than may go the short way.
_DIGITS = len(str(HIGH_WATER_LIMIT))
_JSON = JSON.encode()

#: Given a request and its body, the reply that is to come; raises what the reply might have raised.
Ask = Callable[[Request, bytes], asyncio.Future[bytes]]


class Hot:
    """The application, and the one route that has a short way besides.

    Args:
        app: Answers everything that goes the long way.
        path: Of the hot route; only `POST`.
        ask: Asks about a transaction.
        metrics: Counts responses.
        most: Bytes of a transaction.
        on: Whether there is a short way at all.
    """

    def __init__(self, app: ASGIApp, path: str, ask: Ask, metrics: HttpMetrics, *, most: int, on: bool = True) -> None:
        self._app = app
        self._path = path
        self._ask = ask
        self._metrics = metrics
        self._most = min(most, HIGH_WATER_LIMIT)  # beyond it uvicorn stops reading until somebody takes some out
        self._on = on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the long way."""
        await self._app(scope, receive, send)

    def takes(self, scope: HTTPScope) -> bool:
        """Whether a request may go the short way."""
        if not self._on or scope["path"] != self._path or scope["method"] != "POST":
            return False
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        fits = len(length) <= _DIGITS and length.isdigit() and int(length) <= self._most
        return fits and headers.get(b"content-type") == _JSON

    def answer(self, scope: HTTPScope, body: bytes, began: float, respond: Callable[[Response], None]) -> None:
        """Answer the short way, later than now: whatever goes wrong is a problem.

        Args:
            scope: Of a request that is there.
            body: Its own.
            began: `time.perf_counter()` when its head was.
            respond: Sends the response.
        """

        def told(reply: asyncio.Future[bytes]) -> None:
            error = reply.exception()
            tell(Response(reply.result(), media_type=JSON) if error is None else _refusal(error))

        def tell(response: Response) -> None:
            respond(response)
            self._metrics.responded(self._path, response.status_code, time.perf_counter() - began)

        try:
            self._ask(Request(cast("Scope", scope)), body).add_done_callback(told)
        except Exception as error:  # noqa: BLE001 - an unforeseen one is logged there
            # Not at once: the next request in line would be answered inside this one's reply, and so on.
            asyncio.get_running_loop().call_soon(tell, _refusal(error))


class HotConnection(Connection):
    """A connection that knows the short way."""

    #: Answers the request that goes it and whose body is not whole yet.
    _unread: Callable[[], None] | None = None

    def on_message_complete(self) -> None:
        """The request is there."""
        super().on_message_complete()
        answer, self._unread = self._unread, None
        if answer is not None:
            answer()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        ordinary = not cycle.waiting_for_100_continue and not self.flow.write_paused
        if not (isinstance(app, Hot) and ordinary and app.takes(cycle.scope)):
            super()._start_asgi_task(cycle, app)
            return
        answer = partial(self._answer, cycle, app, time.perf_counter())
        if cycle.more_body:  # so it is the one that is being read
            self._unread = answer
        else:
            answer()

    def _answer(self, cycle: RequestResponseCycle, app: Hot, began: float) -> None:
        body, cycle.body = bytes(cycle.body), bytearray()
        app.answer(cycle.scope, body, began, partial(self._respond, cycle))

    def _respond(self, cycle: RequestResponseCycle, response: Response) -> None:
        cycle.on_response = _nothing  # or the two would keep each other until the next collection
        if cycle.disconnected or self.transport.is_closing():
            return
        said = [STATUS_LINE[response.status_code]]
        for name, value in itertools.chain(cycle.default_headers, response.raw_headers):
            said += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            said.append(b"connection: close\r\n")
        self.transport.write(b"".join((*said, b"\r\n", response.body)))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _nothing() -> None:
    pass


def _refusal(error: BaseException) -> Response:
    return problem_response(problem_of(error if isinstance(error, Exception) else RuntimeError(repr(error))))
