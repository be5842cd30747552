"""`POST /predict` and `POST /predict/batch`."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from schemas.message_codec import MessageCodec
from stream.http.auth import Auth
from stream.http.body import JSON, read_body
from stream.http.errors import HttpError
from stream.http.openapi import PREDICT_BATCH_OPTIONS, PREDICT_OPTIONS
from stream.http.prediction_service import PredictionService
from stream.http.problems import problem_details
from stream.serving.tracing import parent_context, span
from stream.settings import HttpSettings

PATH = "/predict"
#: kafka: respond when Kafka has the transaction and its decision. none: respond as soon as the decision is made.
Ack = Annotated[
    str,
    Query(
        description="kafka: respond once Kafka has acknowledged the decision. none: respond as soon as it is made.",
        json_schema_extra={"enum": ["kafka", "none"]},
    ),
]
#: Maximum average number of commas per transaction in a batch; transactions for real models have far fewer.
MAX_COMMAS = 1000
_ACKNOWLEDGED = {"kafka": True, "none": False}


class _Batch(msgspec.Struct, gc=False):
    transactions: list[msgspec.Raw]


_decode_batch = msgspec.json.Decoder(_Batch).decode
_batch_codec = MessageCodec(_Batch)


class PredictionRoutes:
    """The prediction routes: authorise, read the request, and get the decision from the prediction service.

    Args:
        http: Settings with the limits for a batch request.
        max_bytes: Maximum size of a transaction in bytes.
        service: Decides transactions.
        auth: Authorises requests.
    """

    def __init__(self, http: HttpSettings, max_bytes: int, service: PredictionService, auth: Auth) -> None:
        self._http, self._max_bytes = http, max_bytes
        self._service = service
        self._auth = auth

    def router(self) -> APIRouter:
        """Return the router. FastAPI needs `ack` only for its description; the handlers parse `ack` themselves."""
        router = APIRouter(tags=["decisions"])

        @router.post(PATH, **PREDICT_OPTIONS)
        async def predict(request: Request, ack: Ack = "kafka") -> Response:  # noqa: ARG001 - see the docstring
            """Score one transaction and return the decision."""
            return await self.predict(request)

        @router.post(f"{PATH}/batch", **PREDICT_BATCH_OPTIONS)
        async def predict_batch(request: Request, ack: Ack = "kafka") -> Response:  # noqa: ARG001 - see the docstring
            """Score several transactions; each result is independent of the others."""
            return await self.predict_batch(request)

        return router

    def predict_body(self, request: Request, body: bytes) -> asyncio.Future[bytes]:
        """Decide one transaction whose body has been read. The fast path, which exports no traces, calls this method.

        Raises:
            FraudError: Under the same conditions as `PredictionService.decide`.
            HttpError: If the request is not authorised, or `ack` is invalid.
        """
        self._auth.authorise(request, "predict")
        return self._service.decide(body, acknowledged=_acknowledged(request))

    async def predict(self, request: Request) -> Response:
        """Decide one transaction."""
        self._auth.authorise(request, "predict")
        acknowledged = _acknowledged(request)
        body = await read_body(request, self._max_bytes)
        with span("decide", context=parent_context(request.headers)):
            # Shielded: when this client disconnects, another client may still be waiting for the same response.
            decision = await asyncio.shield(self._service.decide(body, acknowledged=acknowledged))
            return Response(decision, media_type=JSON)

    async def predict_batch(self, request: Request) -> Response:
        """Decide several transactions, each independently of the others."""
        self._auth.authorise(request, "predict")
        acknowledged = _acknowledged(request)
        body = await read_body(request, self._http.body_mib * 1024 * 1024)
        limit = self._http.batch_max
        # Count before decoding: decoding millions of empty transactions would block the event loop.
        if body.count(b",") > limit * MAX_COMMAS or len(transactions := _split(body)) > limit:
            raise HttpError(
                413, f"more than {limit} transactions in one request (FRAUD_HTTP_BATCH_MAX); send smaller batches"
            )
        with span("decide batch", context=parent_context(request.headers)):
            results = await asyncio.gather(
                *(self._batch_result(bytes(each), acknowledged=acknowledged) for each in transactions)
            )
        return Response(b'{"results":[' + b",".join(results) + b"]}", media_type=JSON)

    async def _batch_result(self, body: bytes, *, acknowledged: bool) -> bytes:
        """Return the decision on one transaction in a batch, or its problem details, as JSON."""
        try:
            decision = await asyncio.shield(self._service.decide(body, acknowledged=acknowledged))
            return b'{"decision":' + decision + b"}"
        except Exception as error:  # noqa: BLE001 - other decisions may be recorded already, so report them
            return b'{"problem":' + msgspec.json.encode(problem_details(error)) + b"}"


def _split(body: bytes) -> list[msgspec.Raw]:
    """Return the transactions in a batch request, undecoded."""
    try:
        return _decode_batch(body).transactions
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _batch_codec.decode(body).transactions  # raises RefusedMessageError with a reason


def _acknowledged(request: Request) -> bool:
    if not request.scope["query_string"]:
        return True
    ack = request.query_params.get("ack", "kafka")
    if ack not in _ACKNOWLEDGED:
        raise HttpError(422, "query.ack: must be kafka or none")
    return _ACKNOWLEDGED[ack]
