"""Parsing of prediction requests, and the results of a batch."""

import asyncio
from typing import Any

import msgspec
import pytest

from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.manifest import Feature
from schemas.messages import Transaction
from stream.http.predict_routes import PredictionRoutes
from stream.http.prediction_request import parse_request
from stream.scoring.features import FeaturePlan

PLAN = FeaturePlan((Feature("V1", 0.0), Feature("log_amount", 1.0, "log_amount")), "median")


def test_a_logarithmic_amount_is_converted_to_minor_units() -> None:
    """A logarithmic amount is converted to minor units, and a value that corresponds to no amount is rejected."""
    request = parse_request(b'{"features": [1.0, 5.0]}', PLAN, 0)
    assert msgspec.json.decode(request.value, type=Transaction[dict[str, float]]).amount_minor == 147  # e^5 - 1
    for value in ("-1", "44", "5000"):
        with pytest.raises(RefusedMessageError) as refused:
            parse_request(b'{"features": [1.0, %s]}' % value.encode(), PLAN, 0)
        assert refused.value.reason is DeadLetterReason.OUT_OF_RANGE


def test_a_champion_that_needs_the_time_is_not_given_another() -> None:
    """A list of features for a champion with an hour of day needs `event_time_ms`; the hour itself is no amount."""
    plan = FeaturePlan((Feature("hour", 0.0, "hour_sin"), Feature("V1", 0.0)), "median")
    with pytest.raises(RefusedMessageError, match="event_time_ms is missing, but the champion needs it") as refused:
        parse_request(b'{"features": [0.5, 1.0]}', plan, 0)
    assert (refused.value.reason, refused.value.field) == (DeadLetterReason.MISSING_FIELD, "event_time_ms")
    request = parse_request(b'{"features": [0.5, 1.0], "event_time_ms": 7}', plan, 0)
    parsed = msgspec.json.decode(request.value, type=Transaction[dict[str, float]])
    assert (parsed.event_time_ms, parsed.amount_minor, parsed.features) == (7, 0, {"V1": 1.0})


class _StubService:
    """A prediction service that fails on one body with an unexpected error."""

    def decide(self, body: bytes, *, acknowledged: bool) -> asyncio.Future[bytes]:
        if body == b'"bad"':
            raise ZeroDivisionError(acknowledged)
        response: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        response.set_result(b'"decided"')
        return response


def test_an_unforeseen_error_fails_only_its_own_transaction() -> None:
    """An unexpected error fails only its own transaction, because others in the batch may already be in Kafka."""
    service: Any = _StubService()
    unused: Any = None
    routes = PredictionRoutes(unused, 0, service, unused)

    async def predict() -> list[bytes]:
        return [await routes._batch_result(body, acknowledged=True) for body in (b'"good"', b'"bad"')]

    good, bad = asyncio.run(predict())
    assert good == b'{"decision":"decided"}'
    assert msgspec.json.decode(bad)["problem"]["status"] == 500
