"""`POST /predict` and `POST /predict/batch`."""

import asyncio
import time
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from schemas.errors import BrokerAwayError, FraudError, RefusedMessageError, RepeatedError, UnansweredError
from schemas.message_codec import MessageCodec
from stream.http.auth import Access
from stream.http.body import JSON, read_body
from stream.http.contract import BATCH, ONE
from stream.http.errors import HttpError
from stream.http.metrics import HttpMetrics
from stream.http.prediction_service import Desk
from stream.http.problems import problem_of
from stream.serving.tracing import asker, span
from stream.settings import Settings

PATH = "/predict"
#: kafka: the reply waits until Kafka has transaction and decision. none: it does not.
Ack = Annotated[
    str, Query(description="Whether the reply waits for Kafka.", json_schema_extra={"enum": ["kafka", "none"]})
]
#: Of a transaction, on average: far more than one that any model takes.
MOST_COMMAS = 1000
_ACKNOWLEDGED = {"kafka": True, "none": False}


class _Batch(msgspec.Struct, gc=False):
    transactions: list[msgspec.Raw]


_decode = msgspec.json.Decoder(_Batch).decode
_batch = MessageCodec(_Batch)


class Predict:
    """Asks the desk for whoever asks us.

    Args:
        settings: Limits.
        desk: Decides.
        access: Who may ask.
        metrics: Counts.
    """

    def __init__(self, settings: Settings, desk: Desk, access: Access, metrics: HttpMetrics) -> None:
        self._settings = settings
        self._desk = desk
        self._access = access
        self._metrics = metrics

    def routes(self) -> APIRouter:
        """Return the routes. FastAPI declares the parameter `ack`; the handlers read it by themselves."""
        router = APIRouter(tags=["decisions"])

        @router.post(PATH, **ONE)
        async def predict(request: Request, ack: Ack = "kafka") -> Response:  # noqa: ARG001 - see above
            return await self.one(request)

        @router.post(f"{PATH}/batch", **BATCH)
        async def predict_batch(request: Request, ack: Ack = "kafka") -> Response:  # noqa: ARG001 - see above
            return await self.several(request)

        return router

    def ask(self, request: Request, body: bytes) -> asyncio.Future[bytes]:
        """Ask about one transaction whose bytes are there: the short way, which sends no traces."""
        self._access.require(request, "predict")
        return self._decide(body, acknowledged=_acknowledged(request))

    async def one(self, request: Request) -> Response:
        """Answer about one transaction."""
        self._access.require(request, "predict")
        acknowledged = _acknowledged(request)
        body = await read_body(request, self._settings.scoring.max_transaction_bytes)
        with span("decide", context=asker(request.headers)):
            # Shielded from whoever hangs up: the reply may be somebody else's too.
            decision = await asyncio.shield(self._decide(body, acknowledged=acknowledged))
            return Response(decision, media_type=JSON)

    async def several(self, request: Request) -> Response:
        """Answer about several, each by itself."""
        self._access.require(request, "predict")
        acknowledged = _acknowledged(request)
        body = await read_body(request, self._settings.http.body_mib * 1024 * 1024)
        most = self._settings.http.batch_max
        # What only millions of empty transactions have: to decode them first would hold everyone else up.
        if body.count(b",") > most * MOST_COMMAS or len(transactions := _several(body)) > most:
            raise HttpError(413, f"more than {most} transactions at once (FRAUD_HTTP_BATCH_MAX); send them in parts")
        with span("decide several", context=asker(request.headers)):
            results = await asyncio.gather(
                *(self._result(bytes(each), acknowledged=acknowledged) for each in transactions)
            )
        return Response(b'{"results":[' + b",".join(results) + b"]}", media_type=JSON)

    def _decide(self, body: bytes, *, acknowledged: bool) -> asyncio.Future[bytes]:
        began = time.perf_counter()
        try:
            reply = self._desk.decide(body, acknowledged=acknowledged)
        except FraudError as error:
            self._settled(began, error)
            raise
        reply.add_done_callback(lambda done: self._settled(began, done.exception()))
        return reply

    def _settled(self, began: float, error: BaseException | None) -> None:
        """Count what became of a transaction."""
        if error is None:
            self._metrics.decided(time.perf_counter() - began)
        elif isinstance(error, RefusedMessageError):
            self._metrics.refused(error.reason.value)
        elif isinstance(error, RepeatedError):
            self._metrics.refused("repeated_id")
        elif isinstance(error, UnansweredError | BrokerAwayError):
            self._metrics.unanswered()

    async def _result(self, body: bytes, *, acknowledged: bool) -> bytes:
        """Return what became of one of several, as JSON; a refusal of one is none of the others' business."""
        try:
            decision = await asyncio.shield(self._decide(body, acknowledged=acknowledged))
            return b'{"decision":' + decision + b"}"
        except Exception as error:  # noqa: BLE001 - the others are on Kafka, so whatever it is, they must be told
            return b'{"problem":' + msgspec.json.encode(problem_of(error)) + b"}"


def _several(body: bytes) -> list[msgspec.Raw]:
    try:
        return _decode(body).transactions
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _batch.decode(body).transactions  # raises, in our words


def _acknowledged(request: Request) -> bool:
    if not request.scope["query_string"]:
        return True
    ack = request.query_params.get("ack", "kafka")
    if ack not in _ACKNOWLEDGED:
        raise HttpError(422, "query.ack: kafka or none")
    return _ACKNOWLEDGED[ack]
