"""Metrics pages over HTTP: those that are read, those that are missing, and those that are refused."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Thread

import pytest

from deploy.release.errors import ReleaseError
from deploy.release.scrape import scrape
from deploy.release.tracks import Program
from stream.runtime.ports import free_port

PAGE = b"# TYPE program_ready gauge\nprogram_ready 1\n"
KEY = {"Authorization": "Bearer frk_0123"}


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], str]]:
    """Start a server that sends the given bytes to its first client and closes the connection; return its URL."""
    with ExitStack() as opened:

        def start(response: bytes) -> str:
            listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = Thread(target=_respond, args=(listener, response))
            thread.start()
            opened.callback(thread.join)
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start


def _respond(listener: socket.socket, response: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        request = connection.recv(65536)
        if b"frk_0123" not in request:
            response = b"HTTP/1.1 500 no key\r\n\r\n"
        connection.sendall(response)


def _page(status: str, body: bytes, length: int | None = None) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def test_a_page_is_a_sample(serve: Callable[[bytes], str]) -> None:
    """The request has the given headers."""
    sample = scrape("worker-0", Program.WORKER, serve(_page("200 OK", PAGE)), KEY)
    assert sample is not None
    assert (sample.instance, sample.program, sample.ready) == ("worker-0", Program.WORKER, True)


@pytest.mark.parametrize(
    "response",
    [_page("503 Service Unavailable", b"starting"), _page("200 OK", PAGE, length=1000), b"bye\r\n", b""],
    ids=["error", "page cut off", "not HTTP", "closed"],
)
def test_an_instance_without_a_complete_page_is_missing(serve: Callable[[bytes], str], response: bytes) -> None:
    """An instance that ends while it responds must not end the release tool."""
    assert scrape("worker-0", Program.WORKER, serve(response), KEY) is None


def test_an_instance_that_does_not_listen_is_missing() -> None:
    """It has ended, or has not started yet."""
    assert scrape("worker-0", Program.WORKER, f"http://127.0.0.1:{free_port()}", KEY) is None


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_refused_key_is_an_error(serve: Callable[[bytes], str], status: str) -> None:
    """Otherwise, the release would be rejected for no fault of its own."""
    with pytest.raises(ReleaseError, match=rf"http-0 refuses to show its metrics \({status[:3]}\); use a key with the"):
        scrape("http-0", Program.EDGE, serve(_page(status, b"")), KEY)
