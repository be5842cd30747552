"""`POST /labels`: label a transaction, from the console or with an API key."""

import time
import uuid

import msgspec
from fastapi import APIRouter, Request, Response

from schemas.errors import BrokerUnavailableError
from schemas.message_codec import MessageCodec
from schemas.messages import Identifier, Label, encode
from stream.http.auth import Auth
from stream.http.body import JSON, read_body
from stream.http.openapi import key_with_scope, problem_responses
from stream.kafka.acknowledged_producer import AcknowledgedProducer, OutgoingMessage
from stream.kafka.broker_monitor import BrokerMonitor

#: Maximum size of a body in bytes.
_MAX_BODY = 4096
_SCHEMA = {
    "type": "object",
    "required": ["transaction_id", "fraud"],
    "properties": {
        "transaction_id": {"type": "string", "minLength": 1, "maxLength": 128},
        "fraud": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    },
}
_REQUEST_BODY = {
    "required": True,
    "content": {JSON: {"schema": _SCHEMA, "example": {"transaction_id": "227845", "fraud": True}}},
}
_PROBLEMS = {
    422: "The label is invalid: `field` says which part.",
    503: "Kafka is unavailable; try again after Retry-After seconds.",
}


class _LabelRequest(msgspec.Struct):
    """The request body: a label for one transaction."""

    transaction_id: Identifier
    #: None withdraws an earlier label.
    fraud: bool | None


_codec = MessageCodec(_LabelRequest)


def label_routes(topic: str, auth: Auth, producer: AcknowledgedProducer, broker: BrokerMonitor) -> APIRouter:
    """Return the router of `POST /labels`.

    Args:
        topic: Name of the labels topic.
        auth: Authorises requests.
        producer: Writes labels to Kafka.
        broker: Monitor of the broker's availability.
    """
    router = APIRouter(tags=["labels"])

    @router.post(
        "/labels",
        response_model=None,
        status_code=202,
        responses=problem_responses(400, 401, 403, 413, 415, own=_PROBLEMS)
        | {202: {"description": "The label has been written to Kafka."}},
        openapi_extra={"requestBody": _REQUEST_BODY, "security": key_with_scope("label")},
    )
    async def label(request: Request) -> Response:
        """Label a transaction as fraud or legitimate, or withdraw its label (null). The label is written to Kafka."""
        key = auth.authorise(request, "label")
        labelled = _codec.decode(await read_body(request, _MAX_BODY))
        if broker.unavailable:
            raise BrokerUnavailableError("Kafka is unavailable, so the label was not written; try again")
        label_id = f"{key.name}-{uuid.uuid4().hex}"[-128:]
        now_ms = time.time_ns() // 1_000_000
        message = Label(label_id, labelled.transaction_id, "analyst", labelled.fraud, now_ms)
        await producer.produce_and_wait([OutgoingMessage(topic, labelled.transaction_id, encode(message))])
        return Response(msgspec.json.encode({"label_id": label_id}), 202, media_type=JSON)

    return router
