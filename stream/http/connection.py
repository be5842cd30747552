"""One connection: what uvicorn leaves open to slow and endless senders, bounded.

uvicorn's parser waits for the end of a request's head for ever and keeps as much of it as comes.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Seconds from a connection, or from a request's first byte, to the end of its head.
HEAD_S = 10.0
#: Bytes of a request's address and headers together; common servers take 8 to 64 KiB.
HEAD_BYTES = 32 * 1024


class Connection(HttpToolsProtocol):
    """uvicorn's own protocol with a time and a size for the head of a request."""

    _head: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._head_done()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins: on a connection that is kept alive, too."""
        super().on_message_begin()
        self._head_bytes = 0
        self._expect_head()

    def on_url(self, url: bytes) -> None:
        """Count a piece of the address."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The head is there in time."""
        self._head_done()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_done()
        self._head = self.loop.call_later(HEAD_S, self.transport.abort)

    def _head_done(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            self.transport.abort()
