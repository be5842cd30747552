"""Tests that the path of the invalid field is read from msgspec's error text."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import TransactionCodec
from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.message_codec import MessageCodec
from schemas.messages import Label, encode
from schemas.validation_error import violation
from tests.support.records import label

GOOD: dict[str, Any] = {
    "transaction_id": "t-1",
    "card_id": "c-1",
    "event_time_ms": 1_377_993_600_000,
    "amount_minor": 1250,
    "currency": "EUR",
}


def _field(names: list[str], **changes: Any) -> str | None:
    raw = json.dumps({**GOOD, **changes}).encode()
    with pytest.raises(RefusedMessageError) as refused:
        TransactionCodec(names, max_bytes=10_000).decode(raw)
    return refused.value.field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"features": {}}, "features.V1"),
        ({"features": {"V1": "x"}}, "features.V1"),
        ({"features": []}, "features"),
        ({}, "features"),
        ({"features": {"V1": 1}, "schema_version": 9}, "schema_version"),
        ({"features": {"V1": 1}, "amount_minor": -1}, "amount_minor"),
        ({"features": {"V1": 1}, "card_id": 7}, "card_id"),
        ({"features": {"V1": 1}, "currency": "eur"}, "currency"),
    ],
)
def test_a_refused_transaction_names_the_field(changes: dict[str, Any], field: str) -> None:
    """The error names the invalid field by its path from the message's root."""
    assert _field(["V1"], **changes) == field


@pytest.mark.parametrize("raw", [None, b"", b"{", b"\xff", b"[]", b"NaN"])
def test_a_message_that_is_wrong_as_a_whole_names_no_field(raw: bytes | None) -> None:
    """The error names no field if no single field is invalid."""
    with pytest.raises(RefusedMessageError) as refused:
        TransactionCodec(["V1"], max_bytes=10_000).decode(raw)
    assert refused.value.field is None


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=chr(34) + chr(92))), st.booleans())
def test_any_feature_name_is_found(name: str, missing: bool) -> None:
    """Any feature name without quotes and control characters is found, even if it looks like part of msgspec's text."""
    for feature in (name, f"{name} - at `$.features`", "missing required field `x`"):
        assert _field([feature], features={} if missing else {feature: []}) == f"features.{feature}"


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (label(1, source="secret"), "source"),
        (label(1, source="secret - at `$.fraud`"), "source"),
        (label(1, schema_version=7), "schema_version"),
        (label(1, label_id=""), "label_id"),
        (label(1, event_time_ms=-1), "event_time_ms"),
    ],
)
def test_any_message_names_the_field(message: Label, field: str) -> None:
    """The error also names the invalid field for messages that are not transactions."""
    with pytest.raises(RefusedMessageError) as refused:
        MessageCodec(Label).decode(encode(message))
    assert refused.value.field == field


class _Nested(msgspec.Struct):
    keys: dict[int, int] = {}
    rows: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("raw", "field"),
    [(b'{"keys":{"x":1}}', "keys"), (b'{"keys":{"1":"x"}}', "keys[...]"), (b'{"rows":[1,"x"]}', "rows[1]")],
)
def test_fields_inside_containers(raw: bytes, field: str) -> None:
    """Paths into arrays and objects contain indices and keys, as msgspec writes them."""
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(raw, type=_Nested)
    assert violation(str(error.value)) == (DeadLetterReason.WRONG_TYPE, field, False)
