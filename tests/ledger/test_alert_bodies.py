"""The body of a message to the alert webhook over a real connection: what arrives in time, too late, or never."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from faust.web.exceptions import WebError

from stream.ledger import alert_webhook
from stream.ledger.alert_webhook import BODY_MAX

#: Beginning of a request whose body is sent in chunks.
CHUNKED = b"POST /alerts HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
#: Function that sends a message over a new connection; the event is set once the server reads the body.
Send = Callable[[Connect, asyncio.Event], Awaitable[None]]


def outcome(send: Send) -> bytes | tuple[int, str]:
    """Read the body that a test sends, and return it, or the status and text of its error."""

    async def serve() -> bytes | tuple[int, str]:
        read: asyncio.Future[bytes | tuple[int, str]] = asyncio.get_running_loop().create_future()
        started = asyncio.Event()

        async def handle(request: web.Request) -> web.Response:
            started.set()
            try:
                read.set_result(await alert_webhook._read_json_body(request))
            except WebError as error:
                read.set_result((error.code, error.detail))
            return web.Response()

        app = web.Application()
        app.router.add_post("/alerts", handle)
        runner = web.AppRunner(app, lingering_time=0.0)  # otherwise it waits for the rest of a body
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0]
            await send(lambda: asyncio.open_connection(host, port), started)
            async with asyncio.timeout(5):
                return await read
        finally:
            await runner.cleanup()

    return asyncio.run(serve())


def test_a_body_that_stops_arriving_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the rest of a body does not arrive in time, the client gets a 408."""
    monkeypatch.setattr(alert_webhook, "BODY_S", 0.05)

    async def send(connect: Connect, _: asyncio.Event) -> None:
        reader, writer = await connect()
        writer.write(CHUNKED + b"1\r\n{\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()

    assert outcome(send) == (408, "the body did not arrive within 0.05 s; send it again")


def test_a_broken_connection_is_an_error() -> None:
    """A client that disconnects in the middle of a message records nothing."""

    async def send(connect: Connect, started: asyncio.Event) -> None:
        _, writer = await connect()
        writer.write(CHUNKED + b"1\r\n{\r\n")
        await started.wait()
        writer.close()

    assert outcome(send) == (400, "the connection broke before the body arrived; send the request again")


@pytest.mark.parametrize(("size", "fits"), [(BODY_MAX, True), (BODY_MAX + 1, False)])
def test_a_body_of_unknown_length_is_limited_as_it_arrives(size: int, *, fits: bool) -> None:
    """A body without a declared length is read up to the limit and no further."""

    async def send(connect: Connect, _: asyncio.Event) -> None:
        reader, writer = await connect()
        writer.write(CHUNKED + b"%x\r\n" % size + b" " * size + b"\r\n0\r\n\r\n")
        await writer.drain()
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()

    too_large = (413, f"the body exceeds {BODY_MAX} bytes; send fewer alerts at once")
    assert outcome(send) == (b" " * size if fits else too_large)
