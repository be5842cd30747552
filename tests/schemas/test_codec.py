"""The transaction codec: which messages it accepts, and how it decodes them."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import TransactionCodec
from schemas.errors import DeadLetterReason, RefusedMessageError
from tests.schemas.raw_transactions import (
    GOOD,
    LIMIT,
    decoded,
    encoded,
    feature_row,
    make_codec,
    with_literal,
    with_v1,
    without,
)

R = DeadLetterReason


def test_white_space_around_a_transaction_is_allowed() -> None:
    """White space around a transaction is ignored, as JSON allows it."""
    assert decoded(b" " + encoded() + b"\r\n") == decoded(encoded())


def test_the_schema_version_is_optional() -> None:
    """A transaction without schema_version has version 1."""
    assert make_codec().decode(without("schema_version")).schema_version == 1


def test_null_is_accepted() -> None:
    """The codec accepts null, because the manifest's missing-value policy applies only after decoding."""
    assert feature_row(encoded())[:2] == (1.5, None)


def test_a_number_too_large_for_float32_is_accepted() -> None:
    """The codec accepts 1e39, which is a valid JSON number; the feature plan rejects it later."""
    assert feature_row(with_v1(b"1e39"))[0] == 1e39


def test_the_last_of_duplicate_keys_wins() -> None:
    """If a key occurs twice, in the features or in the transaction itself, its last value is used."""
    assert feature_row(with_v1(b'1,"V1":2,"V1":3'))[0] == 3
    assert make_codec().decode(with_literal(b'"c-1"', b'"c-1","card_id":"c-2"')).card_id == "c-2"


@pytest.mark.parametrize("value", [b"null", b'"x"', b"[1,{}]", b"true", b"1e400", b"1e39", b'"\xff"'])
def test_a_challengers_feature_never_refuses_a_transaction(value: bytes) -> None:
    """A feature that only a challenger uses may have any value, which reaches the challenger as raw bytes."""
    row = feature_row(with_v1(b'1.5,"W1":' + value))
    assert row[:2] == (1.5, None)
    assert bytes(row[2]) == value


def test_an_absent_challengers_feature_is_empty() -> None:
    """An absent feature of a challenger is decoded as empty, which differs from null."""
    assert bytes(feature_row(encoded())[2]) == b""


@given(st.none() | st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_any_string_is_a_category(category: str | None, ascii_only: bool) -> None:
    """Any string is accepted; the decoded order is numeric, categorical, then features only for challengers."""
    codec = TransactionCodec(["V1"], ["W1"], categorical=["country"], max_bytes=LIMIT)
    features = {"W1": "x", "country": category, "V1": 1}
    raw = json.dumps(GOOD | {"features": features}, ensure_ascii=ascii_only).encode()
    v1, country, w1 = feature_row(raw, codec)
    assert (v1, country, bytes(w1)) == (1.0, category, b'"x"')


def test_unknown_features_are_counted() -> None:
    """A transaction with an unknown feature is accepted, and the feature's name is counted once per transaction."""
    codec = make_codec()
    for _ in range(3):
        assert feature_row(with_v1(b'1.5,"U1":0,"U1":1,"U2":"x"'), codec)[:2] == (1.5, None)
    codec.decode(encoded())
    assert codec.unknown_features == {"U1": 3, "U2": 3}


def test_unknown_names_are_bounded_in_number_and_length() -> None:
    """Invented names cannot fill the memory, because names beyond the bounds count as "other"."""
    codec = make_codec()
    for i in range(200):
        codec.decode(encoded(features={**GOOD["features"], f"U{i}": 1, "U" * (200 + i): 1}))
    assert len(codec.unknown_features) <= codec.MAX_UNKNOWN_NAMES + 1  # plus "other"
    assert sum(codec.unknown_features.values()) == 400
    assert max(map(len, codec.unknown_features)) <= codec.MAX_NAME_LENGTH


def test_an_unknown_name_that_is_not_utf8_is_counted_as_other() -> None:
    """A name that is not UTF-8 does not cause a rejection, because no model uses it."""
    codec = make_codec()
    codec.decode(with_v1(b'1.5,"\xff":0'))
    assert codec.unknown_features == {"other": 1}


def test_unknown_fields_of_the_transaction_are_ignored() -> None:
    """Fields that senders add to the transaction are ignored."""
    assert decoded(encoded(merchant={"country": "FR"})) == decoded(encoded())


def test_feature_names_may_be_any_text() -> None:
    """Feature names may be any text, even text that looks like a msgspec error, because they are JSON keys."""
    names = ["missing required field", "a - at `$.features`", "class", "é", ""]
    codec = TransactionCodec(names, max_bytes=LIMIT)
    assert feature_row(encoded(features=dict.fromkeys(names, 1.0)), codec) == (1.0,) * 5
    for name in names:
        with pytest.raises(RefusedMessageError) as refused:
            codec.decode(encoded(features={**dict.fromkeys(names, 1.0), name: "x"}))
        assert refused.value.reason is R.WRONG_TYPE


_finite = st.floats(allow_nan=False, allow_infinity=False)
_identifier = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


@given(
    st.fixed_dictionaries(
        {
            "transaction_id": _identifier,
            "card_id": _identifier,
            "event_time_ms": st.integers(0, 253_402_300_799_999),
            "amount_minor": st.integers(0, 10**15),
            "currency": st.text("ABCXYZ", min_size=3, max_size=3),
        }
    ),
    _finite | st.none() | st.integers(-(2**53), 2**53),
    _finite,
    st.booleans(),
)
def test_every_valid_transaction_is_decoded_exactly(
    sent: dict[str, Any], first: float | None, second: float, ascii_only: bool
) -> None:
    """Every valid transaction is decoded without loss, and doubles are exact to the last bit."""
    raw = json.dumps({**sent, "features": {"V1": first, "V2": second}}, ensure_ascii=ascii_only).encode()
    transaction = make_codec().decode(raw)
    assert {name: getattr(transaction, name) for name in sent} == sent
    v1, v2, _ = msgspec.structs.astuple(transaction.features)
    assert v1 == first
    assert v2 == second
    assert math.copysign(1, v2) == math.copysign(1, second)
