"""The OpenAPI description, generated from the message structs."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from schemas.json_schema import components
from schemas.messages import Decision, FeatureValue, Transaction
from stream.http.prediction_service import OFFSET_FIELDS
from stream.http.problems import MEDIA_TYPE, ProblemDetails

_TRANSACTION = {
    "transaction_id": "227845",
    "card_id": "card-5f0c",
    "event_time_ms": 1378125840000,
    "amount_minor": 5000,
    "currency": "EUR",
    "features": {"V1": -1.2, "V2": 0.3},
    "schema_version": 1,
}
_LIST = {"features": [-1.2, 0.3, 50.0], "amount_minor": 5000, "currency": "EUR"}

#: Schema of a transaction whose features are a list; every other property is optional.
_LISTED_TRANSACTION = {
    "type": "object",
    "title": "ListedTransaction",
    "description": "A transaction whose features are a list, in the order of GET /model.",
    "required": ["features"],
    "properties": {
        "features": {
            "type": "array",
            "items": {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]},
            "description": "Values of the features; null if a value is unknown.",
        },
        "transaction_id": {"type": "string", "description": "Default: a new id."},
        "card_id": {"type": "string", "description": "Default: the transaction's id."},
        "event_time_ms": {"type": "integer", "description": "Default: the time of the request."},
        "amount_minor": {"type": "integer", "description": "Default: the amount in the features, or 0."},
        "currency": {"type": "string", "description": "Default: XXX, no currency."},
    },
}
_REQUEST = {"anyOf": [{"$ref": "#/components/schemas/Transaction"}, {"$ref": "#/components/schemas/ListedTransaction"}]}
_RESPONSE = {"$ref": "#/components/schemas/DecisionResponse"}
_PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}
_STATUS_DESCRIPTIONS = {
    400: "The body is not JSON.",
    401: "The API key is missing or unknown.",
    403: "The API key lacks the scope.",
    409: "The transaction's id was used for a different transaction.",
    413: "The body is too large.",
    415: "The content type is not JSON.",
    422: "The transaction cannot be scored: `reason` and `field` say why.",
    429: "Too many transactions are in flight; try again after Retry-After seconds.",
    503: "There is no decision, for lack of a champion, Kafka or time; try again after Retry-After seconds.",
}


def problem_responses(*statuses: int, own: Mapping[int, str] | None = None) -> dict[int | str, Any]:
    """Return the OpenAPI responses of a route that may fail with these statuses.

    Args:
        statuses: Statuses that have the common description.
        own: Descriptions of statuses whose cause is particular to the route.
    """
    descriptions = {status: _STATUS_DESCRIPTIONS[status] for status in statuses} | dict(own or {})
    content = {MEDIA_TYPE: {"schema": _PROBLEM}}
    return {status: {"description": descriptions[status], "content": content} for status in sorted(descriptions)}


def key_with_scope(scope: str) -> list[dict[str, list[str]]]:
    """Return the OpenAPI security requirement of a route that needs an API key with this scope."""
    return [{"key": [scope]}]


def _route_options(
    request: dict[str, Any],
    examples: dict[str, Any],
    response: dict[str, Any],
    description: str,
    problems: dict[int | str, Any],
) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": request, "examples": examples}}}
    ok = {200: {"description": description, "content": {"application/json": {"schema": response}}}}
    return {
        "response_model": None,
        "openapi_extra": {"requestBody": body, "security": key_with_scope("predict")},
        "responses": ok | problems,
    }


#: Arguments of FastAPI's route decorators for `POST /predict` and `POST /predict/batch`.
PREDICT_OPTIONS = _route_options(
    _REQUEST,
    {
        "named": {"summary": "Named features", "value": _TRANSACTION},
        "list": {"summary": "A list in the order of GET /model", "value": _LIST},
    },
    _RESPONSE,
    "The decision.",
    problem_responses(400, 401, 403, 409, 413, 415, 422, 429, 503),
)
PREDICT_BATCH_OPTIONS = _route_options(
    {
        "type": "object",
        "required": ["transactions"],
        "properties": {"transactions": {"type": "array", "items": _REQUEST}},
    },
    {
        "two": {
            "summary": "Each transaction has one of the two forms that /predict accepts",
            "value": {"transactions": [_TRANSACTION, _LIST]},
        }
    },
    {
        "type": "object",
        "required": ["results"],
        "properties": {
            "results": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "Either a decision or a problem.",
                    "properties": {"decision": _RESPONSE, "problem": _PROBLEM},
                },
            }
        },
    },
    "A decision or a problem for each transaction, in the order of the request.",
    problem_responses(
        400, 401, 403, 413, 415, own={422: 'The body is not {"transactions": […]}, or `ack` is invalid.'}
    ),
)


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application with these routes."""
    structs: list[type[Struct]] = [Transaction[dict[str, FeatureValue]], Decision, ProblemDetails]
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = components(structs, "#/components/schemas/")
    schemas |= {
        "ListedTransaction": _LISTED_TRANSACTION,
        "DecisionResponse": _decision_response(schemas.pop("Decision")),
    }
    section = document.setdefault("components", {})
    section["schemas"] = section.get("schemas", {}) | schemas
    section["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key, frk_…"}}
    return document


def _decision_response(decision: dict[str, Any]) -> dict[str, Any]:
    nullable = {}
    for name in OFFSET_FIELDS:
        described = decision["properties"][name]
        nullable[name] = {"anyOf": [described, {"type": "null"}], "description": described["description"]}
    return decision | {
        "title": "DecisionResponse",
        "description": "The decision, byte for byte as on the decisions topic. With ack=none its id, partition and "
        "offset are null, because Kafka does not have the transaction yet.",
        "properties": decision["properties"] | nullable,
    }
