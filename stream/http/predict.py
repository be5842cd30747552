"""`POST /predict` and `POST /predict/batch`."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response

from schemas.errors import BrokerAwayError, FraudError, RefusedMessageError, RepeatedError, UnansweredError
from schemas.message_codec import MessageCodec
from stream.http.access import Access
from stream.http.body import JSON, read_body
from stream.http.contract import BATCH, ONE
from stream.http.desk import Desk
from stream.http.errors import HttpError
from stream.http.metrics import HttpMetrics
from stream.http.problems import problem_of
from stream.settings import Settings

#: kafka: the reply waits until Kafka has transaction and decision. none: it does not.
Ack = Annotated[Literal["kafka", "none"], Query(description="Whether the reply waits for Kafka.")]


class _Batch(msgspec.Struct, gc=False):
    transactions: list[msgspec.Raw]


_batch = MessageCodec(_Batch)


def predict_routes(settings: Settings, desk: Desk, access: Access, metrics: HttpMetrics) -> APIRouter:
    """Return the routes.

    Args:
        settings: Limits.
        desk: Decides.
        access: Who may ask.
        metrics: Counts.
    """
    router = APIRouter(tags=["decisions"])
    most = settings.http_batch

    async def decide(body: bytes, ack: str) -> bytes:
        began = time.perf_counter()
        try:
            decision = await desk.decide(body, acknowledged=ack == "kafka")
        except RefusedMessageError as error:
            metrics.refused(error.reason.value)
            raise
        except RepeatedError:
            metrics.refused("repeated_id")
            raise
        except (UnansweredError, BrokerAwayError):
            metrics.unanswered()
            raise
        metrics.decided(time.perf_counter() - began)
        return decision

    @router.post("/predict", **ONE)
    async def predict(request: Request, ack: Ack = "kafka") -> Response:
        access.require(request, "predict")
        body = await read_body(request, settings.max_transaction_bytes)
        return Response(await decide(body, ack), media_type=JSON)

    @router.post("/predict/batch", **BATCH)
    async def predict_batch(request: Request, ack: Ack = "kafka") -> Response:
        access.require(request, "predict")
        body = await read_body(request, settings.http_body_mib * 1024 * 1024)
        transactions = _batch.decode(body).transactions
        if len(transactions) > most:
            raise HttpError(413, f"{len(transactions)} transactions; send {most} at once at most (FRAUD_HTTP_BATCH)")
        results = await asyncio.gather(*(_result(decide(bytes(each), ack)) for each in transactions))
        return Response(b'{"results":[' + b",".join(results) + b"]}", media_type=JSON)

    return router


async def _result(deciding: Awaitable[bytes]) -> bytes:
    """Return what became of one of several, as JSON; a refusal of one is none of the others' business."""
    try:
        return b'{"decision":' + await deciding + b"}"
    except FraudError as error:
        return b'{"problem":' + msgspec.json.encode(problem_of(error)) + b"}"
