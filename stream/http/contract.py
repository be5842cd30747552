"""The HTTP contract in OpenAPI's words, made from the very structs that messages are."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas.messages import Decision, FeatureValue, Transaction
from stream.http.problems import MEDIA_TYPE, Problem

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

#: A transaction whose features come as a list: what is left out is made up.
_LISTED = {
    "type": "object",
    "title": "ListedTransaction",
    "description": "A transaction whose features are a list, in the order that GET /model names them.",
    "required": ["features"],
    "properties": {
        "features": {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]}},
        "transaction_id": {"type": "string", "description": "A new one where it is left out."},
        "card_id": {"type": "string", "description": "The transaction's id where it is left out."},
        "event_time_ms": {"type": "integer", "description": "Now where it is left out."},
        "amount_minor": {"type": "integer", "description": "Where left out what the features say of it, or 0."},
        "currency": {"type": "string", "description": "XXX, no currency, where it is left out."},
    },
}
_ASKED = {"anyOf": [{"$ref": "#/components/schemas/Transaction"}, {"$ref": "#/components/schemas/ListedTransaction"}]}
_ANSWERED = {"$ref": "#/components/schemas/DecisionReply"}
#: Of a decision what is not known before Kafka has its transaction.
PLACE = ("decision_id", "source_partition", "source_offset")
_PROBLEM = {"$ref": "#/components/schemas/Problem"}


def problems(*statuses: int) -> dict[int | str, Any]:
    """Return OpenAPI's responses for the statuses that a route answers besides 200."""
    what = {
        400: "No JSON.",
        401: "No key that is known.",
        403: "A key without the scope.",
        409: "The transaction's id was used for another transaction.",
        413: "Too large.",
        415: "Another content type than JSON.",
        422: "It cannot be scored: `reason` and `field` say why.",
        429: "Too many are under way; ask again after Retry-After seconds.",
        503: "No champion, or no Kafka in time: no decision is told. Ask again after Retry-After seconds.",
    }
    return {each: {"description": what[each], "content": {MEDIA_TYPE: {"schema": _PROBLEM}}} for each in statuses}


def _route(
    asked: dict[str, Any], examples: dict[str, Any], answered: dict[str, Any], description: str
) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": asked, "examples": examples}}}
    ok = {200: {"description": description, "content": {"application/json": {"schema": answered}}}}
    return {
        "response_model": None,
        "openapi_extra": {"requestBody": body, "security": [{"key": []}]},
        "responses": ok | problems(400, 401, 403, 409, 413, 415, 422, 429, 503),
    }


#: Of `POST /predict` and `POST /predict/batch`, what FastAPI's route decorators take.
ONE = _route(
    _ASKED,
    {
        "named": {"summary": "Named features", "value": _TRANSACTION},
        "list": {"summary": "A list in the order of GET /model", "value": _LIST},
    },
    _ANSWERED,
    "The decision.",
)
BATCH = _route(
    {
        "type": "object",
        "required": ["transactions"],
        "properties": {"transactions": {"type": "array", "items": _ASKED}},
    },
    {"two": {"summary": "Each as for /predict", "value": {"transactions": [_TRANSACTION, _LIST]}}},
    {
        "type": "object",
        "required": ["results"],
        "properties": {
            "results": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "One of the two.",
                    "properties": {"decision": _ANSWERED, "problem": _PROBLEM},
                },
            }
        },
    },
    "A decision or a problem for each transaction, in their order.",
)


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the whole description of an app with these routes."""
    kinds = [Transaction[dict[str, FeatureValue]], Decision, Problem]
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    parts = found.setdefault("components", {})
    schemas = {_plain(name): schema for name, schema in components.items()}
    own = {"ListedTransaction": _LISTED, "DecisionReply": _reply(schemas.pop("Decision"))}
    parts["schemas"] = parts.get("schemas", {}) | schemas | own
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key, frk_…"}}
    return found


def _reply(decision: dict[str, Any]) -> dict[str, Any]:
    nullable = {name: {"anyOf": [decision["properties"][name], {"type": "null"}]} for name in PLACE}
    return decision | {
        "title": "DecisionReply",
        "description": "The very bytes on the decisions topic. With ack=none its place is not known yet: null.",
        "properties": decision["properties"] | nullable,
    }


def _plain(name: str) -> str:
    """Return a struct's name without its type arguments, as msgspec writes them.

    >>> _plain("Transaction_dict_str__float___str___None__")
    'Transaction'
    """
    return name.partition("_")[0]
