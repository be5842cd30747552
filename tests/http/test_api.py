"""The application in the test's process: requests that are rejected, and what happens to open event streams."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import httpx
import pytest
from fastapi import APIRouter
from starlette.requests import Request

from schemas.errors import DeadLetterReason, RefusedMessageError
from stream.http.api import make_api
from stream.http.auth import Auth
from stream.http.body import read_body
from stream.http.console.console_state import ConsoleEvent
from stream.http.console.label_routes import label_routes
from stream.http.console.page_routes import page_routes
from stream.http.errors import HttpError
from stream.http.metrics import HttpMetrics
from stream.http.problems import problem_details
from stream.http.request_metrics import RequestMetrics
from stream.settings import Settings

JSON = {"Content-Type": "application/json"}


def respond(router: APIRouter, method: str, path: str, metrics: HttpMetrics | None = None, **request: Any) -> Any:
    """Send one request to an application with a router, and return the response."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(make_api([router], metrics or HttpMetrics()), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **request)

    return asyncio.run(send())


@pytest.fixture
def auth() -> Auth:
    """Authorisation without API keys."""
    return Auth(Settings().http)


def test_an_invalid_parameter_is_named_but_not_quoted() -> None:
    """The response says which parameter is invalid. It does not repeat the sender's value."""
    router = APIRouter()

    @router.get("/limited")
    async def limited(limit: int) -> int:
        return limit

    response = respond(router, "GET", "/limited?limit=secret")
    assert response.status_code == 422
    assert response.json()["detail"].startswith("query.limit: ")
    assert "secret" not in response.text


def test_an_unforeseen_error_is_counted() -> None:
    """The response is a problem without details of the fault, and the metrics count it as 500."""
    router, metrics = APIRouter(), HttpMetrics()

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("card 4242")

    response = respond(router, "GET", "/broken", metrics)
    assert response.status_code == 500
    assert "4242" not in response.text
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    counted = [s for s in samples if "500" in s.labels.values() and "/broken" in s.labels.values() and s.value == 1]
    assert counted


def test_a_websocket_is_not_counted_as_a_request() -> None:
    """The middleware passes on what is no HTTP request; FastAPI rejects it, because there is no such route."""
    passed: list[str] = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        passed.append(scope["type"])

    metrics, channel = HttpMetrics(), Mock()
    asyncio.run(RequestMetrics(app, metrics)({"type": "websocket"}, channel, channel))
    assert passed == ["websocket"]
    assert not [s for family in metrics.registry.collect() for s in family.samples if "route" in s.labels]


def test_a_transaction_that_is_too_large_gets_413() -> None:
    """The status is that of a body that is too large, whichever limit the transaction exceeds."""
    problem = problem_details(RefusedMessageError(DeadLetterReason.TOO_LARGE, "5000 bytes"))
    assert (problem.status, problem.reason) == (413, "too_large")


def test_a_label_is_refused_while_kafka_is_unavailable(auth: Auth) -> None:
    """The analyst learns at once that the label was not written; nothing is queued."""
    producer: Any = Mock()
    router = label_routes("labels", auth, producer, broker=Mock(unavailable=True))
    response = respond(router, "POST", "/labels", json={"transaction_id": "1", "fraud": True})
    assert response.status_code == 503
    assert "the label was not written" in response.json()["detail"]
    producer.produce_and_wait.assert_not_called()


def test_the_console_has_only_its_own_files(auth: Auth) -> None:
    """No other file of the server can be read."""
    for name in ("no-such.js", "..%2Fpage_routes.py"):
        assert respond(page_routes(auth, Mock()), "GET", f"/console/{name}").status_code == 404


def test_the_number_of_open_pages_is_bounded(auth: Auth) -> None:
    """A page too many gets an error that says what to do."""
    response = respond(page_routes(auth, Mock(full=True)), "GET", "/console/events")
    assert response.status_code == 503
    assert "close one" in response.json()["detail"]


def test_an_open_page_receives_nothing_after_its_key_was_removed(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream ends with the event after the removal, which the page does not get."""

    async def events() -> AsyncIterator[ConsoleEvent | None]:
        yield ConsoleEvent("alert", {"transaction_id": "seen"})
        yield None
        monkeypatch.setattr(auth, "authorise", Mock(side_effect=HttpError(401, "the key was removed")))
        yield ConsoleEvent("alert", {"transaction_id": "unseen"})

    feed: Any = SimpleNamespace(full=False, events=events)
    response = respond(page_routes(auth, feed), "GET", "/console/events")
    assert response.text == 'event: alert\ndata: {"transaction_id":"seen"}\n\n: keep-alive\n\n'


def body(*messages: dict[str, Any]) -> bytes:
    """Read the body of a request that arrives in these ASGI messages, of at most 10 bytes."""
    arriving = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(arriving)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    return asyncio.run(read_body(Request(scope, receive), 10))


def chunk(content: bytes, *, more: bool = True) -> dict[str, Any]:
    """Return a part of a body."""
    return {"type": "http.request", "body": content, "more_body": more}


def test_an_incomplete_body_is_not_used() -> None:
    """If the client disconnects, what has arrived so far is not taken for a complete body."""
    assert body(chunk(b"[1,"), chunk(b"2]", more=False)) == b"[1,2]"
    with pytest.raises(HttpError, match="disconnected before the body was complete") as raised:
        body(chunk(b"[1]"), {"type": "http.disconnect"})
    assert raised.value.status == 400


def test_a_body_without_a_declared_size_is_bounded() -> None:
    """Reading stops at the limit, however much the client still sends."""
    with pytest.raises(HttpError, match="the body exceeds 10 bytes") as raised:
        body(*[chunk(b"123456")] * 2)  # a third read would raise StopIteration
    assert raised.value.status == 413
