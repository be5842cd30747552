"""Two ways to a decision: most requests go a short one, and nobody can tell which way theirs went."""

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
from stream.http.fast_path import Hot, HotConnection
from stream.http.metrics import HttpMetrics
from stream.http.server import server_config
from stream.settings import Settings
from tests.support.http_process import HttpProcess
from tests.support.traffic import transaction

HOST = b"Host: localhost\r\nContent-Type: application/json\r\n"
Said = tuple[int, dict[str, str], bytes]


@contextmanager
def connected(edge: HttpProcess) -> Iterator[socket.socket]:
    """A connection that gives up after some seconds."""
    with socket.create_connection(("127.0.0.1", edge.web_port), timeout=10) as connection:
        yield connection


def whole(body: bytes, more: bytes = b"", version: bytes = b"1.1") -> bytes:
    """A request that may go the short way."""
    return b"POST /predict HTTP/%b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (version, HOST, more, len(body), body)


def chunked(body: bytes) -> bytes:
    """One that goes the long way: its length is not said before."""
    size = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return b"POST /predict HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (HOST, size)


WAYS = (whole, chunked)


def read(connection: socket.socket, count: int = 1) -> list[Said]:
    """Read responses, one after the other."""
    with connection.makefile("rb") as stream:
        return [_one(stream) for _ in range(count)]


def _one(stream: BinaryIO) -> Said:
    status = int(stream.readline().split()[1])
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(": ")
        headers[name] = value
    return status, headers, stream.read(int(headers["content-length"]))


def ask(edge: HttpProcess, request: bytes) -> Said:
    """Ask on a connection of its own."""
    with connected(edge) as connection:
        connection.sendall(request)
        return read(connection)[0]


def test_both_ways_say_the_same(lasting_edge: HttpProcess) -> None:
    """Decisions and problems, with the same headers; the second is a repeat, or refused again."""
    large = transaction(3000)[:-1]
    large += b" " * (HIGH_WATER_LIMIT - len(large) - 1) + b"}"
    for path in ("", "?ack=none", "?ack=perhaps"):
        for body, status in ((transaction(1), 200), (b"{", 400), (b"", 400), (b'{"features":{}}', 422), (large, 200)):
            short, long = (
                ask(lasting_edge, make(body).replace(b"/predict", b"/predict" + path.encode())) for make in WAYS
            )
            for said in (short, long):
                said[1].pop("date")
            assert short == long
            assert short[0] == (422 if path == "?ack=perhaps" else status)


def test_requests_one_behind_the_other_are_answered_in_turn(lasting_edge: HttpProcess) -> None:
    """Also where some of them go the long way, and where nobody reads before all are sent."""
    count = 200
    makes = [chunked if number % 5 == 3 else whole for number in range(count)]
    with connected(lasting_edge) as connection:
        connection.sendall(b"".join(make(transaction(n)) for n, make in enumerate(makes)))
        said = read(connection, count)
    assert [status for status, _, _ in said] == [200] * count
    assert _ids(said) == [str(number) for number in range(count)]


def test_refusals_may_stand_in_line(lasting_edge: HttpProcess) -> None:
    """Behind one that takes a while, so that all of them are there when their turn comes."""
    with connected(lasting_edge) as connection:
        connection.sendall(whole(transaction(2001)) + whole(b"{") * 300 + whole(transaction(2002)))
        said = read(connection, 302)
    assert [status for status, _, _ in said] == [200, *[400] * 300, 200]


def test_a_body_may_come_in_pieces(lasting_edge: HttpProcess) -> None:
    """Byte by byte, and the next request's beginning with its end."""
    request = whole(transaction(1))
    head = request.index(b"\r\n\r\n") + 4
    with connected(lasting_edge) as connection:
        connection.sendall(request[: head + 10])
        for at in range(head + 10, len(request) - 1):
            connection.sendall(request[at : at + 1])
        connection.sendall(request[-1:] + whole(transaction(2))[:40])
        connection.sendall(whole(transaction(2))[40:])
        assert _ids(read(connection, 2)) == ["1", "2"]


@pytest.mark.parametrize(("more", "version"), [(b"Connection: close\r\n", b"1.1"), (b"", b"1.0")])
def test_a_connection_ends_when_it_is_asked_to(lasting_edge: HttpProcess, more: bytes, version: bytes) -> None:
    """After the reply."""
    with connected(lasting_edge) as connection:
        connection.sendall(whole(transaction(1), more, version))
        ((status, headers, _),) = read(connection)
        assert (status, headers["connection"]) == (200, "close")
        assert connection.recv(1) == b""


def test_who_waits_to_be_told_to_go_on_is_told(lasting_edge: HttpProcess) -> None:
    """`Expect: 100-continue`."""
    request = whole(transaction(1), b"Expect: 100-continue\r\n")
    head = request.index(b"\r\n\r\n") + 4
    with connected(lasting_edge) as connection:
        connection.sendall(request[:head])
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(request[head:])
        assert read(connection)[0][0] == 200


def test_who_hangs_up_is_missed_by_nobody(lasting_edge: HttpProcess) -> None:
    """Before its reply, in the midst of requests that stand in line."""
    for number in range(20):
        with connected(lasting_edge) as connection:
            connection.sendall(whole(transaction(4000 + number)) + whole(transaction(5000 + number)))
    assert ask(lasting_edge, whole(transaction(5)))[0] == 200
    assert "Traceback" not in lasting_edge.last_lines()


@pytest.mark.parametrize(
    ("change", "headers", "takes"),
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
def test_only_what_is_ordinary_goes_the_short_way(
    change: dict[str, str], headers: dict[bytes, bytes], takes: bool
) -> None:
    """And nothing at all while traces are sent."""
    unused: Any = None
    usual = {b"content-type": b"application/json", b"content-length": b"1000"}
    scope: Any = {"path": "/predict", "method": "POST", "headers": [*(usual | headers).items()]} | change
    assert Hot(unused, "/predict", unused, unused, most=1000).takes(scope) is takes
    assert not Hot(unused, "/predict", unused, unused, most=1000, on=False).takes(scope)


@pytest.mark.parametrize("refused", [False, True])
def test_the_short_way_is_taken(refused: bool) -> None:
    """One write, no task; and then the connection is idle, for as long as any other."""
    unused: Any = None
    asked: list[bytes] = []

    def ask(_: Request, body: bytes) -> asyncio.Future[bytes]:
        asked.append(body)
        if refused:
            raise BusyError("not now")
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        reply.set_result(b"{}")
        return reply

    async def talk() -> None:
        config = server_config(Settings(), Hot(unused, "/predict", ask, HttpMetrics(), most=1000))
        config.load()
        state, transport = ServerState(), Mock()
        transport.is_closing.return_value = False
        connection = HotConnection(config, state, {})
        connection.connection_made(transport)
        connection.data_received(whole(b"{}"))
        assert (asked, state.tasks) == ([b"{}"], set())
        await asyncio.sleep(0)
        ((written,),) = (call.args for call in transport.write.call_args_list)
        assert written.startswith(b"HTTP/1.1 429" if refused else b"HTTP/1.1 200")
        assert connection._patience is None
        assert connection.timeout_keep_alive_task is not None

    asyncio.run(talk())


def _ids(said: Sequence[Said]) -> list[str]:
    return [json.loads(body)["transaction_id"] for _, _, body in said]
