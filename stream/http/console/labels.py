"""`POST /labels`: what an analyst says of a transaction, on the page or with a key."""

import time
import uuid

import msgspec
from fastapi import APIRouter, Request, Response

from schemas.errors import BrokerAwayError
from schemas.message_codec import MessageCodec
from schemas.messages import Identifier, Label, encode
from stream.http.auth import Access
from stream.http.body import JSON, read_body
from stream.http.contract import problems
from stream.kafka.acknowledged_producer import Recorder, Row
from stream.kafka.broker_watch import BrokerWatch
from stream.settings import Settings

#: Bytes of a body.
_BODY = 4096
_SCHEMA = {
    "type": "object",
    "required": ["transaction_id", "fraud"],
    "properties": {
        "transaction_id": {"type": "string", "minLength": 1, "maxLength": 128},
        "fraud": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    },
}
_ASKED = {
    "required": True,
    "content": {JSON: {"schema": _SCHEMA, "example": {"transaction_id": "227845", "fraud": True}}},
}


class _Said(msgspec.Struct):
    """What an analyst says of a transaction."""

    transaction_id: Identifier
    #: None takes back what was said.
    fraud: bool | None


_said = MessageCodec(_Said)


def label_routes(settings: Settings, access: Access, recorder: Recorder, broker: BrokerWatch) -> APIRouter:
    """Return the route.

    Args:
        settings: Topic of labels.
        access: Who may label.
        recorder: Writes labels.
        broker: Whether there is a Kafka to write to.
    """
    router = APIRouter(tags=["labels"])

    @router.post(
        "/labels",
        response_model=None,
        status_code=202,
        responses=problems(400, 401, 403, 413, 415, 422, 503) | {202: {"description": "The label is on Kafka."}},
        openapi_extra={"requestBody": _ASKED, "security": [{"key": []}]},
    )
    async def label(request: Request) -> Response:
        """Say whether a transaction was fraud; null takes back what was said. Written to the labels topic."""
        holder = access.require(request, "label")
        said = _said.decode(await read_body(request, _BODY))
        if broker.away:
            raise BrokerAwayError("no Kafka answers, so nothing was written; ask again")
        name = f"{holder.name}-{uuid.uuid4().hex}"[-128:]
        now_ms = time.time_ns() // 1_000_000
        found = Label(name, said.transaction_id, "analyst", said.fraud, now_ms)
        await recorder.written([Row(settings.topic.labels, said.transaction_id, encode(found))])
        return Response(msgspec.json.encode({"label_id": name}), 202, media_type=JSON)

    return router
