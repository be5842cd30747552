"""Faults and bad manners: nothing half done, nothing without bound, and the others are served all the same."""

import contextlib
import json
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import msgspec

from schemas.messages import Decision
from stream.http.connection import HEAD_BYTES
from stream.local.broker import LocalBroker
from stream.settings import Settings
from tests.support.http_process import HttpProcess
from tests.support.topics import read_all
from tests.support.traffic import transaction
from tests.support.until import until

Make = Callable[..., Settings]
Start = Callable[[Settings], HttpProcess]


def test_kafka_goes_away_and_comes_back(make_http_settings: Make, start_edge: Start, own_broker: LocalBroker) -> None:
    """503 while it is away, at once; every decision that was told stands there, and asking goes on by itself."""
    edge = start_edge(make_http_settings(kafka_bootstrap=own_broker.bootstrap))
    told = [edge.ask(transaction(number)) for number in range(5)]
    own_broker.stop()
    until(lambda: edge.problems() == ["broker_unavailable"])
    began = time.monotonic()
    away = [edge.ask(transaction(number)) for number in range(100, 120)]
    assert time.monotonic() - began < 1
    assert {(reply.status_code, reply.headers["retry-after"]) for reply in away} == {(503, "1")}
    own_broker.start()
    until(lambda: not edge.problems(), timeout=30)
    until(lambda: edge.ask(transaction(200)).is_success, timeout=30)
    told.append(edge.ask(transaction(200)))
    kept = {message.value() for message in read_all(own_broker.bootstrap, edge.settings.topic.decisions)}
    assert {reply.content for reply in told if reply.is_success} <= kept


def test_a_broker_that_hangs_is_not_waited_for(
    make_http_settings: Make, start_edge: Start, own_broker: LocalBroker
) -> None:
    """A reply comes by the deadline; after it the same transaction can be asked about again."""
    edge = start_edge(make_http_settings(kafka_bootstrap=own_broker.bootstrap, http_deadline_ms=500))
    assert edge.ask(transaction(1)).is_success
    broker = own_broker.pid
    assert broker is not None
    os.kill(broker, signal.SIGSTOP)
    try:
        began = time.monotonic()
        reply = edge.ask(transaction(2))
        assert time.monotonic() - began < 1.5
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    finally:
        os.kill(broker, signal.SIGCONT)
    until(lambda: edge.ask(transaction(2)).is_success, timeout=30)


def test_more_than_may_be_under_way_are_told_to_come_back(make_http_settings: Make, start_edge: Start) -> None:
    """429 with Retry-After for the rest; those that were taken in are decided."""
    edge = start_edge(make_http_settings(http_max_in_flight=10))
    asked = [json.loads(transaction(number)) for number in range(100)]
    results = edge.client.post("/predict/batch", json={"transactions": asked}).json()["results"]
    assert sum("decision" in each for each in results) == 10
    assert {each["problem"]["status"] for each in results if "problem" in each} == {429}
    assert edge.ask(transaction(1000)).is_success


def test_many_at_once_share_a_model_run(edge: HttpProcess) -> None:
    """Micro-batches: three hundred at once are ten runs of 32 at most, and each asker gets its own answer."""
    asked = [json.loads(transaction(number)) for number in range(1000, 1300)]
    edge.client.post("/predict/batch", json={"transactions": asked})
    metrics = edge.metrics()
    assert (metrics["batch_size_transactions_sum"], metrics["batch_size_transactions_count"]) == (300, 10)

    def ask(number: int) -> Decision:
        return msgspec.json.decode(edge.ask(transaction(number)).content, type=Decision)

    with ThreadPoolExecutor(32) as threads:
        decisions = list(threads.map(ask, range(400)))
    assert [each.transaction_id for each in decisions] == [str(number) for number in range(400)]


def test_the_same_asked_at_the_same_time_is_decided_once(edge: HttpProcess) -> None:
    """Who comes while it is under way gets the same reply."""
    with ThreadPoolExecutor(8) as threads:
        replies = set(threads.map(lambda _: edge.ask(transaction(1)).content, range(8)))
    assert len(replies) == 1
    assert len(read_all(edge.settings.kafka.bootstrap, edge.settings.topic.decisions)) == 1


def raw(edge: HttpProcess) -> socket.socket:
    """Return a bare connection."""
    return socket.create_connection(("127.0.0.1", edge.web_port), timeout=15)


HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_what_is_too_large_is_not_read(lasting_edge: HttpProcess) -> None:
    """A body above its limit, declared or not, gets 413; an endless head is hung up on."""
    declared = lasting_edge.ask(b"x" * 10_000_000)
    assert declared.status_code == 413
    with contextlib.suppress(httpx.TransportError):  # hung up on in the middle of the body
        chunked = lasting_edge.client.post(
            "/predict", content=iter([b"x" * 65_536] * 100), headers={"Content-Type": "application/json"}
        )
        assert chunked.status_code == 413
    emptied = lasting_edge.client.post(
        "/predict/batch",
        content=b'{"transactions":[' + b"0," * 2_000_000 + b"0]}",
        headers={"Content-Type": "application/json"},
    )
    assert emptied.status_code == 413
    with raw(lasting_edge) as connection:
        connection.sendall(HEAD + b"X-Long: " + b"x" * (2 * HEAD_BYTES))
        assert hung_up(connection)
    assert lasting_edge.ask(transaction(1)).is_success


def hung_up(connection: socket.socket) -> bool:
    """Whether the other side has ended a connection, once it has said all it had to say."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_slow_and_broken_senders_hold_nobody_up(lasting_edge: HttpProcess) -> None:
    """Half a head, half a body, an empty line after a reply, a connection closed half way.

    After 10 s they are gone, meanwhile others are served.
    """
    with raw(lasting_edge) as head, raw(lasting_edge) as body, raw(lasting_edge) as empty, raw(lasting_edge) as closed:
        empty.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert empty.recv(65_536).startswith(b"HTTP/1.1 200")
        empty.sendall(b"\r\n")
        head.sendall(HEAD)
        body.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"tran')
        closed.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"tran')
        closed.shutdown(socket.SHUT_WR)
        began = time.monotonic()
        assert all(lasting_edge.ask(transaction(number)).is_success for number in range(50))
        assert time.monotonic() - began < 5
        assert hung_up(head)
        assert hung_up(body)
        assert hung_up(empty)
        assert time.monotonic() - began > 8


def test_idle_connections_cost_the_others_nothing(lasting_edge: HttpProcess) -> None:
    """Ten thousand that say nothing, open while somebody asks: all are answered."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(12_000, hard), hard))
    try:
        with contextlib.ExitStack() as idle:
            for _ in range(10_000):
                idle.enter_context(raw(lasting_edge))
            for number in range(200):
                assert lasting_edge.ask(transaction(number)).is_success
            assert lasting_edge.open_connections() > 5_000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_stop_answers_what_is_in_hand(edge: HttpProcess) -> None:
    """Every reply of a moment of load, ended by SIGTERM, stands on Kafka; the process ends by itself, with 0."""
    told: list[bytes] = []
    stopping = threading.Event()

    def keep_asking(first: int) -> None:
        number = first
        with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=str(edge.client.base_url)) as client:
            while not stopping.is_set():
                reply = client.post(
                    "/predict", content=transaction(number), headers={"Content-Type": "application/json"}
                )
                told.extend([reply.content] if reply.is_success else [])
                number += 1

    askers = [threading.Thread(target=keep_asking, args=(100_000 * each,)) for each in range(8)]
    for each in askers:
        each.start()
    until(lambda: len(told) > 200)
    assert edge.stop() == 0
    stopping.set()
    for each in askers:
        each.join()
    kept = {message.value() for message in read_all(edge.settings.kafka.bootstrap, edge.settings.topic.decisions)}
    assert set(told) <= kept
