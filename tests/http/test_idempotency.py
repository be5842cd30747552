"""Repeated requests: the same response, as long as it is kept."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from schemas.errors import BrokerUnavailableError, TransactionIdReusedError
from stream.http.idempotency import IdempotencyCache

BODY, OTHER_BODY = b'{"amount_minor": 1}', b'{"amount_minor": 2}'


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
