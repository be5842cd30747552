"""Encoded transactions, valid and modified, and a codec for them."""

import json
from typing import Any

import msgspec

from schemas.codec import TransactionCodec

LIMIT = 65_536
GOOD: dict[str, Any] = {
    "transaction_id": "t-1",
    "card_id": "c-1",
    "event_time_ms": 1_377_993_600_000,
    "amount_minor": 1250,
    "currency": "EUR",
    "features": {"V1": 1.5, "V2": None},
    "schema_version": 1,
}


def make_codec() -> TransactionCodec:
    """Return a codec for a champion with features V1 and V2 and a challenger with W1."""
    return TransactionCodec(["V1", "V2"], ["W1"], max_bytes=LIMIT)


def encoded(**changes: Any) -> bytes:
    """Return the valid transaction with the given fields changed, encoded."""
    return json.dumps({**GOOD, **changes}).encode()


def without(field: str) -> bytes:
    """Return the valid transaction without one field, encoded."""
    return json.dumps({name: value for name, value in GOOD.items() if name != field}).encode()


def with_literal(old: bytes, new: bytes) -> bytes:
    """Return the valid transaction, encoded, with `old` replaced by bytes that Python's json would not write."""
    raw = encoded()
    assert raw.count(old) == 1
    return raw.replace(old, new)


def with_v1(literal: bytes) -> bytes:
    """Return the valid transaction with the given bytes as the value of V1."""
    return with_literal(b"1.5", literal)


def feature_row(raw: bytes, codec: TransactionCodec | None = None) -> tuple[Any, ...]:
    """Return the decoded features as a row."""
    return msgspec.structs.astuple((codec or make_codec()).decode(raw).features)


def decoded(raw: bytes) -> dict[str, Any]:
    """Return the decoded fields, with the champion's features as a row."""
    return {**msgspec.structs.asdict(make_codec().decode(raw)), "features": feature_row(raw)[:2]}
