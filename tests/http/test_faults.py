"""Faults and misbehaving clients: no partial results, no unbounded resources, and other clients are served."""

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
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_kafka_becomes_unavailable_and_returns(
    make_http_settings: Make, start_edge: Start, own_broker: LocalBroker
) -> None:
    """While Kafka is down, requests get 503 at once; then predictions resume, and Kafka has every decision sent."""
    edge = start_edge(make_http_settings(kafka_bootstrap=own_broker.bootstrap, http_deadline_ms=10_000))
    responses = [edge.predict(transaction(number)) for number in range(5)]
    own_broker.stop()
    until(lambda: edge.problems() == ["broker_unavailable"])
    began = time.monotonic()
    unavailable = [edge.predict(transaction(number)) for number in range(100, 120)]
    # At once means without waiting for the deadline: a single request that waited would use up all of this time.
    assert time.monotonic() - began < 10
    assert {(response.status_code, response.headers["retry-after"]) for response in unavailable} == {(503, "1")}
    own_broker.start()
    until(lambda: not edge.problems(), timeout=30)
    until(lambda: edge.predict(transaction(200)).is_success, timeout=30)
    responses.append(edge.predict(transaction(200)))
    recorded = {message.value() for message in read_all(own_broker.bootstrap, edge.settings.topic.decisions)}
    assert {response.content for response in responses if response.is_success} <= recorded


def test_a_frozen_broker_does_not_delay_responses_past_the_deadline(
    make_http_settings: Make, start_edge: Start, own_broker: LocalBroker
) -> None:
    """While the broker is frozen, a request fails at its deadline; later the same transaction can be sent again."""
    edge = start_edge(make_http_settings(kafka_bootstrap=own_broker.bootstrap, http_deadline_ms=500))
    assert edge.predict(transaction(1)).is_success
    broker = own_broker.pid
    assert broker is not None
    os.kill(broker, signal.SIGSTOP)
    try:
        began = time.monotonic()
        response = edge.predict(transaction(2))
        assert time.monotonic() - began < 1.5
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    finally:
        os.kill(broker, signal.SIGCONT)
    until(lambda: edge.predict(transaction(2)).is_success, timeout=30)


def test_more_than_the_maximum_in_flight_gets_429(make_http_settings: Make, start_edge: Start) -> None:
    """Transactions above the maximum get 429, and the admitted transactions are decided."""
    edge = start_edge(make_http_settings(http_max_in_flight=10))
    batch = [json.loads(transaction(number)) for number in range(100)]
    results = edge.client.post("/predict/batch", json={"transactions": batch}).json()["results"]
    assert sum("decision" in each for each in results) == 10
    assert {each["problem"]["status"] for each in results if "problem" in each} == {429}
    assert edge.predict(transaction(1000)).is_success


def test_simultaneous_transactions_share_a_model_run(make_http_settings: Make, start_edge: Start) -> None:
    """Three hundred simultaneous transactions take ten model runs of up to 32; each client gets its own decision."""
    # Long enough for a machine that runs other tests: the deadline has tests of its own.
    edge = start_edge(make_http_settings(http_deadline_ms=10_000))
    batch = [json.loads(transaction(number)) for number in range(1000, 1300)]
    edge.client.post("/predict/batch", json={"transactions": batch})
    metrics = edge.metrics()
    assert (metrics["batch_size_transactions_sum"], metrics["batch_size_transactions_count"]) == (300, 10)

    def predict(number: int) -> Decision:
        response = edge.predict(transaction(number))
        assert response.is_success, response.text
        return msgspec.json.decode(response.content, type=Decision)

    with ThreadPoolExecutor(32) as threads:
        decisions = list(threads.map(predict, range(400)))
    assert [each.transaction_id for each in decisions] == [str(number) for number in range(400)]


def test_simultaneous_repeats_are_decided_once(edge: HttpProcess) -> None:
    """A repeat of a transaction in flight gets the same response."""
    with ThreadPoolExecutor(8) as threads:
        bodies = set(threads.map(lambda _: edge.predict(transaction(1)).content, range(8)))
    assert len(bodies) == 1
    assert len(read_all(edge.settings.kafka.bootstrap, edge.settings.topic.decisions)) == 1


def raw_connection(edge: HttpProcess) -> socket.socket:
    """Return a TCP connection to the edge."""
    return socket.create_connection(("127.0.0.1", edge.web_port), timeout=15)


def is_disconnected(connection: socket.socket) -> bool:
    """Read until the edge closes or resets a connection, and return True; raise TimeoutError if it does not."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


def test_oversized_requests_are_rejected(shared_edge: HttpProcess) -> None:
    """A body above its limit, declared or not, gets 413; a client that sends endless headers is disconnected."""
    declared = shared_edge.predict(b"x" * 10_000_000)
    assert declared.status_code == 413
    with contextlib.suppress(httpx.TransportError):  # the edge may disconnect before the whole body is sent
        chunked = shared_edge.client.post(
            "/predict", content=iter([b"x" * 65_536] * 100), headers={"Content-Type": "application/json"}
        )
        assert chunked.status_code == 413
    empty_transactions = shared_edge.client.post(
        "/predict/batch",
        content=b'{"transactions":[' + b"0," * 2_000_000 + b"0]}",
        headers={"Content-Type": "application/json"},
    )
    assert empty_transactions.status_code == 413
    with raw_connection(shared_edge) as connection:
        connection.sendall(HEAD + b"X-Long: " + b"x" * (2 * HEAD_BYTES))
        assert is_disconnected(connection)
    assert shared_edge.predict(transaction(1)).is_success


def test_slow_clients_delay_nobody_and_are_disconnected(shared_edge: HttpProcess) -> None:
    """The edge disconnects slow clients after 10 s, and serves other clients in the meantime.

    They send partial headers, a partial body, an empty line after a response, or half-close their connection.
    """
    with (
        raw_connection(shared_edge) as head,
        raw_connection(shared_edge) as body,
        raw_connection(shared_edge) as empty,
        raw_connection(shared_edge) as closed,
    ):
        empty.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert empty.recv(65_536).startswith(b"HTTP/1.1 200")
        empty.sendall(b"\r\n")
        head.sendall(HEAD)
        body.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"tran')
        closed.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"tran')
        closed.shutdown(socket.SHUT_WR)
        began = time.monotonic()
        assert all(shared_edge.predict(transaction(number)).is_success for number in range(50))
        assert time.monotonic() - began < 5
        assert is_disconnected(head)
        assert is_disconnected(body)
        assert is_disconnected(empty)
        assert time.monotonic() - began > 8


def test_idle_connections_do_not_affect_others(shared_edge: HttpProcess) -> None:
    """With ten thousand idle connections open, every prediction succeeds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(12_000, hard), hard))
    try:
        with contextlib.ExitStack() as idle:
            for _ in range(10_000):
                idle.enter_context(raw_connection(shared_edge))
            for number in range(200):
                assert shared_edge.predict(transaction(number)).is_success
            assert shared_edge.open_connections() > 5_000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_shutdown_under_load_answers_what_is_in_flight(edge: HttpProcess) -> None:
    """After SIGTERM the process exits with 0, and every decision that it sent is on Kafka."""
    decisions: list[bytes] = []
    stopping = threading.Event()

    def send_requests(first: int) -> None:
        number = first
        with contextlib.suppress(httpx.TransportError), httpx.Client(base_url=str(edge.client.base_url)) as client:
            while not stopping.is_set():
                response = client.post(
                    "/predict", content=transaction(number), headers={"Content-Type": "application/json"}
                )
                decisions.extend([response.content] if response.is_success else [])
                number += 1

    clients = [threading.Thread(target=send_requests, args=(100_000 * each,)) for each in range(8)]
    for each in clients:
        each.start()
    until(lambda: len(decisions) > 200)
    assert edge.stop() == 0
    stopping.set()
    for each in clients:
        each.join()
    recorded = {message.value() for message in read_all(edge.settings.kafka.bootstrap, edge.settings.topic.decisions)}
    assert set(decisions) <= recorded
