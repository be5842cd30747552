"""An HTTP connection with time and size limits, which uvicorn lacks.

uvicorn waits forever for the end of a request, and buffers its headers without a limit.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Maximum seconds from the connection, or from a request's first byte, to the end of the request. The largest body
#: must then arrive at 1 MiB/s.
REQUEST_S = 10.0
#: Maximum bytes of a request's target, headers and trailers together; common servers allow 8 to 64 KiB.
HEAD_BYTES = 32 * 1024


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a time limit for each request and a size limit for its headers.

    A client that exceeds either limit is disconnected.
    """

    _request_timeout: asyncio.TimerHandle | None = None
    #: Bytes received for the current request, and how many of them belong to its body.
    _request_bytes = _body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._start_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the request timer."""
        self._cancel_timeout()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process received bytes; disconnect if the headers or trailers are too large."""
        self._request_bytes += len(data)
        super().data_received(data)
        # Chunks have headers of their own, which may be as large as the body itself.
        if self._request_bytes - 2 * self._body_bytes > HEAD_BYTES:
            self.transport.abort()
        elif self._request_timeout is None and (self.cycle is None or self.cycle.response_complete):
            # uvicorn's keep-alive timer stops once any bytes arrive: an empty line, or the body of a request that was
            # answered before its body was complete.
            self._start_timeout()

    def on_message_begin(self) -> None:
        """Restart the timer for a new request on this connection."""
        super().on_message_begin()
        self._start_timeout()

    def on_body(self, body: bytes) -> None:
        """Count the received bytes of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the timer, because the request is complete."""
        self._request_bytes = self._body_bytes = 0
        self._cancel_timeout()
        super().on_message_complete()

    def _start_timeout(self) -> None:
        self._cancel_timeout()
        self._request_timeout = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _cancel_timeout(self) -> None:
        if self._request_timeout is not None:
            self._request_timeout.cancel()
            self._request_timeout = None
