"""Bare lists of features, whatever their champion makes of an amount."""

import asyncio
from typing import Any

import msgspec
import pytest

from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.manifest import Feature
from schemas.messages import Transaction
from stream.http.metrics import HttpMetrics
from stream.http.predict_routes import Predict
from stream.http.request import read_asked
from stream.scoring.features import FeaturePlan

PLAN = FeaturePlan((Feature("V1", 0.0), Feature("log_amount", 1.0, "log_amount")), "median")


def test_the_amount_of_a_logarithm() -> None:
    """Taken back to minor units; one that no amount has is refused."""
    asked = read_asked(b'{"features": [1.0, 5.0]}', PLAN, 0)
    assert msgspec.json.decode(asked.value, type=Transaction[dict[str, float]]).amount_minor == 147  # e^5 - 1
    for value in ("-1", "44", "5000"):
        with pytest.raises(RefusedMessageError) as refused:
            read_asked(b'{"features": [1.0, %s]}' % value.encode(), PLAN, 0)
        assert refused.value.reason is DeadLetterReason.OUT_OF_RANGE


class _Desk:
    """Stands for a desk in which something fails that nobody has foreseen."""

    def decide(self, body: bytes, *, acknowledged: bool) -> asyncio.Future[bytes]:
        if body == b'"bad"':
            raise ZeroDivisionError(acknowledged)
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        reply.set_result(b'"decided"')
        return reply


def test_what_fails_in_one_is_told_in_its_place() -> None:
    """The others are on Kafka by then, and whoever asked must hear of them."""
    desk: Any = _Desk()
    unused: Any = None
    predict = Predict(unused, desk, unused, HttpMetrics())

    async def ask() -> list[bytes]:
        return [await predict._result(body, acknowledged=True) for body in (b'"good"', b'"bad"')]

    good, bad = asyncio.run(ask())
    assert good == b'{"decision":"decided"}'
    assert msgspec.json.decode(bad)["problem"]["status"] == 500
