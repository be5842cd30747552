"""One connection: what uvicorn leaves open to slow and endless senders, bounded.

uvicorn waits for the end of a request for ever, and keeps as much of its head as comes.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Seconds from a connection, or from a request's first byte, to the request's end. The largest body takes 1 MiB/s.
REQUEST_S = 10.0
#: Bytes of a request's address, headers and trailers together; common servers take 8 to 64 KiB.
HEAD_BYTES = 32 * 1024


class Connection(HttpToolsProtocol):
    """uvicorn's own protocol with a time for a request and a size for its head; beyond them it hangs up."""

    _patience: asyncio.TimerHandle | None = None
    #: Bytes of the request so far, and of its body among them.
    _bytes = _body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._expect_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what comes; too much besides the body, a head or trailers that do not end, ends the connection."""
        self._bytes += len(data)
        super().data_received(data)
        # Chunks have heads of their own: as much again as the body may be theirs.
        if self._bytes - 2 * self._body_bytes > HEAD_BYTES:
            self.transport.abort()
        elif self._patience is None and (self.cycle is None or self.cycle.response_complete):
            # uvicorn waits for the next request no more once anything has come: an empty line, or the body of a request
            # that was answered before it was there.
            self._expect()

    def on_message_begin(self) -> None:
        """A request begins: on a connection that is kept alive, too."""
        super().on_message_begin()
        self._expect()

    def on_body(self, body: bytes) -> None:
        """Count a piece of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there in time; the next may begin."""
        self._bytes = self._body_bytes = 0
        self._expect_no_more()
        super().on_message_complete()

    def _expect(self) -> None:
        self._expect_no_more()
        self._patience = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _expect_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
