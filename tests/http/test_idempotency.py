"""Repeated requests: the same response, as long as it is kept."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from schemas.errors import BrokerUnavailableError, TransactionIdReusedError
from stream.http.idempotency import IdempotencyCache, RecordedResponse, request_digest

BODY, OTHER_BODY = (request_digest(b'{"amount_minor": %d}' % amount) for amount in (1, 2))


def _run(test: Callable[[IdempotencyCache], Coroutine[Any, Any, None]], lifetime_s: float = 60.0) -> None:
    asyncio.run(test(IdempotencyCache(max_entries=2, lifetime_s=lifetime_s)))


def response() -> asyncio.Future[bytes]:
    """Return a pending response. To be called on an event loop."""
    return asyncio.get_running_loop().create_future()


def test_the_number_of_responses_is_bounded() -> None:
    """The oldest response makes room; the others are still found."""

    async def test(cache: IdempotencyCache) -> None:
        pending = {name: response() for name in "abc"}
        for name, each in pending.items():
            cache.keep(name, BODY, each)
        assert cache.find("a", BODY) is None
        assert cache.find("b", BODY) is pending["b"]
        assert cache.find("c", BODY) is pending["c"]

    _run(test)


def test_an_expired_response_makes_room() -> None:
    """After their lifetime, responses are neither found nor kept in memory."""

    async def test(cache: IdempotencyCache) -> None:
        cache.keep("a", BODY, response())
        await asyncio.sleep(0.02)
        assert cache.find("a", BODY) is None
        cache.keep("b", BODY, response())
        assert list(cache._entries) == ["b"]

    _run(test, lifetime_s=0.01)


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_late_response_does_not_touch_a_newer_request(succeeds: bool) -> None:
    """A request that expired before its response leaves the newer request with the same id as it is."""

    async def test(cache: IdempotencyCache) -> None:
        late, newer = response(), response()
        cache.keep("a", BODY, late)
        cache.keep("a", BODY, newer)
        if succeeds:
            late.set_result(b"late")
        else:
            late.set_exception(BrokerUnavailableError("made to fail"))
        await asyncio.sleep(0)
        assert cache.find("a", BODY) is newer

    _run(test)


def test_a_changed_body_never_gets_the_earlier_response() -> None:
    """Neither a pending nor a completed response is given for a different transaction."""

    async def test(cache: IdempotencyCache) -> None:
        pending = response()
        cache.keep("a", BODY, pending)
        with pytest.raises(TransactionIdReusedError):
            cache.find("a", OTHER_BODY)
        pending.set_result(b"decision")
        await asyncio.sleep(0)
        with pytest.raises(TransactionIdReusedError):
            cache.find("a", OTHER_BODY)
        found = cache.find("a", BODY)
        assert found is not None
        assert await found == b"decision"

    _run(test)


def _recorded(name: str, *, age_s: float = 0.0, response: bytes = b"recorded") -> RecordedResponse:
    return RecordedResponse(name, BODY, time.time() - age_s, response)


async def _sent(cache: IdempotencyCache, name: str) -> bytes:
    found = cache.find(name, BODY)
    assert found is not None
    return await found


def test_recorded_responses_are_found() -> None:
    """A response of another edge is found by the same body only, and not when it is too old."""

    async def test(cache: IdempotencyCache) -> None:
        cache.add([_recorded("a"), _recorded("b", age_s=61.0)])
        assert await _sent(cache, "a") == b"recorded"
        assert cache.find("b", BODY) is None
        with pytest.raises(TransactionIdReusedError):
            cache.find("a", OTHER_BODY)

    _run(test)


def test_recorded_responses_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """A response counts from when it was recorded, not from when it was read."""
    now_s = time.monotonic()

    async def test(cache: IdempotencyCache) -> None:
        cache.add([_recorded("a", age_s=50.0)])
        assert await _sent(cache, "a") == b"recorded"
        monkeypatch.setattr("stream.http.idempotency.time.monotonic", lambda: now_s + 11.0)
        assert cache.find("a", BODY) is None

    _run(test)


def test_a_clock_that_is_ahead_does_not_keep_a_response_for_longer() -> None:
    """A response from the future counts from now."""

    async def test(cache: IdempotencyCache) -> None:
        cache.add([_recorded("a", age_s=-3600.0)])
        (entry,) = cache._entries.values()
        assert entry[1] <= time.monotonic()

    _run(test)


def test_the_first_response_stays() -> None:
    """What this edge has sent, or waits for, and what was recorded first is not replaced."""

    async def test(cache: IdempotencyCache) -> None:
        own = response()
        cache.keep("a", BODY, own)
        cache.add([_recorded("a"), _recorded("b"), _recorded("b", response=b"recorded later")])
        assert cache.find("a", BODY) is own
        own.set_result(b"own")
        await asyncio.sleep(0)
        assert await _sent(cache, "a") == b"own"
        assert await _sent(cache, "b") == b"recorded"
        assert cache._recorded_meanwhile == {}

    _run(test)


@pytest.mark.parametrize("recorded_first", [True, False])
def test_what_was_recorded_counts_after_a_failure(recorded_first: bool) -> None:
    """A response that failed here, because its acknowledgement was lost, is what Kafka has, whichever comes first."""

    async def test(cache: IdempotencyCache) -> None:
        failed = response()
        cache.keep("a", BODY, failed)
        if recorded_first:
            cache.add([_recorded("a")])
        failed.set_exception(BrokerUnavailableError("the acknowledgement was lost"))
        await asyncio.sleep(0)
        if not recorded_first:
            cache.add([_recorded("a")])
        assert await _sent(cache, "a") == b"recorded"
        assert cache._recorded_meanwhile == {}

    _run(test)
