"""The fast path: nearly all requests take it, and its responses are the same as FastAPI's."""

import asyncio
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO
from unittest.mock import Mock

import pytest
from starlette.requests import Request
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.server import ServerState

from schemas.errors import BusyError
from stream.http.fast_path import FastPath, FastPathConnection
from stream.http.metrics import HttpMetrics
from stream.http.server import server_config
from stream.settings import HttpSettings
from tests.support.http_process import HttpProcess
from tests.support.traffic import transaction

HOST = b"Host: localhost\r\nContent-Type: application/json\r\n"
RawResponse = tuple[int, dict[str, str], bytes]


@contextmanager
def connected(edge: HttpProcess) -> Iterator[socket.socket]:
    """Yield a TCP connection to the edge, with a timeout."""
    with socket.create_connection(("127.0.0.1", edge.web_port), timeout=10) as connection:
        yield connection


def with_length(body: bytes, headers: bytes = b"", version: bytes = b"1.1") -> bytes:
    """Return a request that takes the fast path."""
    return b"POST /predict HTTP/%b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (version, HOST, headers, len(body), body)


def chunked(body: bytes) -> bytes:
    """Return a request that FastAPI handles, because its length is not declared."""
    size = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return b"POST /predict HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (HOST, size)


def read(connection: socket.socket, count: int = 1) -> list[RawResponse]:
    """Read responses from a connection, one after the other."""
    with connection.makefile("rb") as stream:
        return [_read_one(stream) for _ in range(count)]


def _read_one(stream: BinaryIO) -> RawResponse:
    status = int(stream.readline().split()[1])
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name] = value
    return status, headers, stream.read(int(headers["content-length"]))


def send(edge: HttpProcess, request: bytes) -> RawResponse:
    """Send a request on a new connection and return the response."""
    with connected(edge) as connection:
        connection.sendall(request)
        return read(connection)[0]


def test_the_fast_path_and_fastapi_respond_alike(shared_edge: HttpProcess) -> None:
    """Both paths return the same decisions, problems and headers.

    The second request is a replay, or is rejected again.
    """
    large = transaction(3000)[:-1]
    large += b" " * (HIGH_WATER_LIMIT - len(large) - 1) + b"}"
    for query in ("", "?ack=none", "?ack=perhaps"):
        for body, status in ((transaction(1), 200), (b"{", 400), (b"", 400), (b'{"features":{}}', 422), (large, 200)):
            fast, slow = (
                send(shared_edge, make(body).replace(b"/predict", b"/predict" + query.encode()))
                for make in (with_length, chunked)
            )
            for response in (fast, slow):
                response[1].pop("date")
            assert fast == slow
            assert fast[0] == (422 if query == "?ack=perhaps" else status)


def test_pipelined_requests_are_answered_in_order(shared_edge: HttpProcess) -> None:
    """Responses keep the order of requests even if FastAPI handles some and the client reads only after sending all."""
    count = 200
    makes = [chunked if number % 5 == 3 else with_length for number in range(count)]
    with connected(shared_edge) as connection:
        connection.sendall(b"".join(make(transaction(n)) for n, make in enumerate(makes)))
        responses = read(connection, count)
    assert [status for status, _, _ in responses] == [200] * count
    assert _ids(responses) == [str(number) for number in range(count)]


def test_pipelined_refusals_do_not_recurse(shared_edge: HttpProcess) -> None:
    """Three hundred rejected requests can wait behind one prediction without exceeding Python's recursion limit."""
    with connected(shared_edge) as connection:
        connection.sendall(with_length(transaction(2001)) + with_length(b"{") * 300 + with_length(transaction(2002)))
        responses = read(connection, 302)
    assert [status for status, _, _ in responses] == [200, *[400] * 300, 200]


def test_a_body_may_arrive_in_pieces(shared_edge: HttpProcess) -> None:
    """A request's body may arrive byte by byte, and its end together with the beginning of the next request."""
    request = with_length(transaction(1))
    head = request.index(b"\r\n\r\n") + 4
    with connected(shared_edge) as connection:
        connection.sendall(request[: head + 10])
        for at in range(head + 10, len(request) - 1):
            connection.sendall(request[at : at + 1])
        connection.sendall(request[-1:] + with_length(transaction(2))[:40])
        connection.sendall(with_length(transaction(2))[40:])
        assert _ids(read(connection, 2)) == ["1", "2"]


@pytest.mark.parametrize(("headers", "version"), [(b"Connection: close\r\n", b"1.1"), (b"", b"1.0")])
def test_a_connection_without_keep_alive_is_closed(shared_edge: HttpProcess, headers: bytes, version: bytes) -> None:
    """If a client does not want keep-alive, the edge closes the connection after the response."""
    with connected(shared_edge) as connection:
        connection.sendall(with_length(transaction(1), headers, version))
        ((status, response_headers, _),) = read(connection)
        assert (status, response_headers["connection"]) == (200, "close")
        assert connection.recv(1) == b""


def test_expect_100_continue_is_honoured(shared_edge: HttpProcess) -> None:
    """The edge sends 100 Continue before the body, and the decision after it."""
    request = with_length(transaction(1), b"Expect: 100-continue\r\n")
    head = request.index(b"\r\n\r\n") + 4
    with connected(shared_edge) as connection:
        connection.sendall(request[:head])
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(request[head:])
        assert read(connection)[0][0] == 200


def test_a_client_that_disconnects_does_not_affect_others(shared_edge: HttpProcess) -> None:
    """Other clients get responses when clients disconnect early, with pipelined requests outstanding."""
    for number in range(20):
        with connected(shared_edge) as connection:
            connection.sendall(with_length(transaction(4000 + number)) + with_length(transaction(5000 + number)))
    assert send(shared_edge, with_length(transaction(5)))[0] == 200
    assert "Traceback" not in shared_edge.last_lines()


@pytest.mark.parametrize(
    ("change", "headers", "accepted"),
    [
        ({}, {}, True),
        ({"path": "/predict/batch"}, {}, False),
        ({"method": "GET"}, {}, False),
        ({}, {b"content-type": b"text/plain"}, False),
        ({}, {b"content-length": b"1001"}, False),
        ({}, {b"content-length": b"9" * 5000}, False),
        ({}, {b"content-length": b""}, False),
    ],
)
def test_only_ordinary_requests_take_the_fast_path(
    change: dict[str, str], headers: dict[bytes, bytes], accepted: bool
) -> None:
    """FastAPI handles other routes, methods, content types and sizes, and all requests if the fast path is disabled."""
    unused: Any = None
    usual = {b"content-type": b"application/json", b"content-length": b"1000"}
    scope: Any = {"path": "/predict", "method": "POST", "headers": [*(usual | headers).items()]} | change
    assert FastPath(unused, "/predict", unused, unused, max_bytes=1000).accepts(scope) is accepted
    assert not FastPath(unused, "/predict", unused, unused, max_bytes=1000, enabled=False).accepts(scope)


@pytest.mark.parametrize("refused", [False, True])
def test_the_fast_path_makes_one_write_and_no_task(refused: bool) -> None:
    """A request on the fast path takes one write and no task, and leaves the connection idle until it times out."""
    unused: Any = None
    bodies: list[bytes] = []

    def predict(_: Request, body: bytes) -> asyncio.Future[bytes]:
        bodies.append(body)
        if refused:
            raise BusyError("not now")
        response: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        response.set_result(b"{}")
        return response

    async def exchange() -> None:
        app = FastPath(unused, "/predict", predict, HttpMetrics(), max_bytes=1000)
        config = server_config(HttpSettings(), app)
        config.load()
        state, transport = ServerState(), Mock()
        transport.is_closing.return_value = False
        connection = FastPathConnection(config, state, {})
        connection.connection_made(transport)
        connection.data_received(with_length(b"{}"))
        assert (bodies, state.tasks) == ([b"{}"], set())
        await asyncio.sleep(0)
        ((written,),) = (call.args for call in transport.write.call_args_list)
        assert written.startswith(b"HTTP/1.1 429" if refused else b"HTTP/1.1 200")
        assert connection._request_timeout is None
        assert connection.timeout_keep_alive_task is not None

    asyncio.run(exchange())


def _ids(responses: Sequence[RawResponse]) -> list[str]:
    return [json.loads(body)["transaction_id"] for _, _, body in responses]
