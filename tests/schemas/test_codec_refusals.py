"""The transaction codec: the exact reason for every rejected message."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import TransactionCodec
from schemas.errors import DeadLetterReason, RefusedMessageError
from tests.schemas.raw_transactions import GOOD, LIMIT, encoded, make_codec, with_literal, with_v1, without

R = DeadLetterReason
REFUSED: dict[str, tuple[bytes | None, DeadLetterReason]] = {
    "no value": (None, R.EMPTY),
    "empty": (b"", R.EMPTY),
    "too large": (encoded(card_id="c" * LIMIT), R.TOO_LARGE),
    "too large and no JSON": (b"\xff" * (LIMIT + 1), R.TOO_LARGE),
    # Encodings
    "utf-16 with a byte order mark": (json.dumps(GOOD).encode("utf-16"), R.NOT_UTF8),
    "utf-16 without a byte order mark": (json.dumps(GOOD).encode("utf-16-le"), R.NOT_JSON),
    "latin-1": (encoded().replace(b"c-1", "café".encode("latin-1")), R.NOT_UTF8),
    "a surrogate as UTF-8": (encoded().replace(b"c-1", b"\xed\xa0\x80"), R.NOT_UTF8),
    "an overlong zero": (encoded().replace(b"c-1", b"\xc0\x80"), R.NOT_UTF8),
    "a byte order mark": (b"\xef\xbb\xbf" + encoded(), R.NOT_JSON),
    "half an escaped surrogate pair": (encoded().replace(b"c-1", rb"\ud800"), R.NOT_JSON),
    # Not JSON
    "white space": (b" \n", R.NOT_JSON),
    "plain text": (b"hello", R.NOT_JSON),
    "truncated": (encoded()[:-5], R.NOT_JSON),
    "trailing bytes": (encoded() + b"x", R.NOT_JSON),
    "two transactions": (encoded() * 2, R.NOT_JSON),
    "a trailing comma": (with_literal(b"null}", b"null,}"), R.NOT_JSON),
    "single quotes": (encoded().replace(b'"', b"'"), R.NOT_JSON),
    "a control character": (encoded().replace(b"c-1", b"c\x01"), R.NOT_JSON),
    "a leading zero": (with_v1(b"01"), R.NOT_JSON),
    "a hexadecimal number": (with_v1(b"0x1"), R.NOT_JSON),
    "nan in another spelling": (with_v1(b"nan"), R.NOT_JSON),
    "deeply nested objects": (b'{"a":' * 10_000, R.NOT_JSON),
    "a deep unknown feature": (with_v1(b'1,"U":' + b"[" * 30_000 + b"]" * 30_000), R.NOT_JSON),
    # Not finite
    "NaN": (with_v1(b"NaN"), R.NOT_FINITE),
    "Infinity": (with_v1(b"Infinity"), R.NOT_FINITE),
    "-Infinity": (with_v1(b"-Infinity"), R.NOT_FINITE),
    "NaN in an unknown feature": (with_v1(b'1,"U":NaN'), R.NOT_FINITE),
    "1e400": (with_v1(b"1e400"), R.NOT_FINITE),
    "-1e400": (with_v1(b"-1e400"), R.NOT_FINITE),
    "an integer of 400 digits": (with_v1(b"9" * 400), R.NOT_FINITE),
    "an amount of 1e400": (with_literal(b"1250", b"1e400"), R.NOT_FINITE),
    # Wrong shape
    "null": (b"null", R.WRONG_TYPE),
    "an array": (b"[]", R.WRONG_TYPE),
    "a deep array": (b"[" * 30_000 + b"]" * 30_000, R.WRONG_TYPE),
    "a string": (b'"hello"', R.WRONG_TYPE),
    "a number": (b"12", R.WRONG_TYPE),
    "a feature that is a string": (encoded(features={"V1": "1.5", "V2": None}), R.WRONG_TYPE),
    "a feature that is a boolean": (encoded(features={"V1": True, "V2": None}), R.WRONG_TYPE),
    "a feature that is an array": (encoded(features={"V1": [1.5], "V2": None}), R.WRONG_TYPE),
    "the first of two duplicate keys is invalid": (with_v1(b'"bad","V1":1.5'), R.WRONG_TYPE),
    "features null": (encoded(features=None), R.WRONG_TYPE),
    "features an array": (encoded(features=[1.5, None]), R.WRONG_TYPE),
    "a fractional amount": (encoded(amount_minor=12.5), R.WRONG_TYPE),
    "an amount as string": (encoded(amount_minor="1250"), R.WRONG_TYPE),
    "an amount as boolean": (encoded(amount_minor=True), R.WRONG_TYPE),
    "a card that is null": (encoded(card_id=None), R.WRONG_TYPE),
    "a card that is a number": (encoded(card_id=17), R.WRONG_TYPE),
    "a version as string": (encoded(schema_version="1"), R.WRONG_TYPE),
    # Missing fields and features
    **{f"no {field}": (without(field), R.MISSING_FIELD) for field in GOOD if field != "schema_version"},
    "an empty object": (b"{}", R.MISSING_FIELD),
    "a feature is missing": (encoded(features={"V1": 1.5}), R.MISSING_FEATURE),
    "empty features": (encoded(features={}), R.MISSING_FEATURE),
    "a feature in another case": (encoded(features={"V1": 1.5, "v2": 1.0}), R.MISSING_FEATURE),
    # Out of range
    "an amount below zero": (encoded(amount_minor=-1), R.OUT_OF_RANGE),
    "an amount too large": (encoded(amount_minor=10**15 + 1), R.OUT_OF_RANGE),
    "an amount of 40 digits": (encoded(amount_minor=10**40), R.OUT_OF_RANGE),
    "an amount of 5,000 digits": (with_literal(b"1250", b"9" * 5_000), R.OUT_OF_RANGE),
    "a time before 1970": (encoded(event_time_ms=-1), R.OUT_OF_RANGE),
    "a time in microseconds": (encoded(event_time_ms=1_377_993_600_000_000), R.OUT_OF_RANGE),
    "an empty id": (encoded(transaction_id=""), R.OUT_OF_RANGE),
    "a long id": (encoded(transaction_id="t" * 129), R.OUT_OF_RANGE),
    "an empty card": (encoded(card_id=""), R.OUT_OF_RANGE),
    "a long card": (encoded(card_id="c" * 129), R.OUT_OF_RANGE),
    "a lower-case currency": (encoded(currency="eur"), R.OUT_OF_RANGE),
    "a currency of four letters": (encoded(currency="EURO"), R.OUT_OF_RANGE),
    "a currency with a line feed": (encoded(currency="EUR\n"), R.OUT_OF_RANGE),
    "a later version": (encoded(schema_version=2), R.SCHEMA_VERSION),
    "version zero": (encoded(schema_version=0), R.SCHEMA_VERSION),
}


@pytest.mark.parametrize(("raw", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_refused_with_its_reason(raw: bytes | None, reason: DeadLetterReason) -> None:
    """Every kind of bad input has one exact reason and a one-line detail."""
    with pytest.raises(RefusedMessageError) as refused:
        make_codec().decode(raw)
    assert refused.value.reason is reason
    assert str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_reason_of_the_codec_is_covered() -> None:
    """The cases above cover every reason except the two reasons that need a model."""
    assert {reason for _, reason in REFUSED.values()} == set(R) - {R.NULL_FEATURE, R.UNSCORABLE}


@pytest.mark.parametrize("secret", ["4111111111111111", 4111111111111111, 4111.111111111111, {"4111111111111111": 1}])
@pytest.mark.parametrize("field", [name for name in GOOD if name != "features"])
def test_a_refusal_never_quotes_values(field: str, secret: Any) -> None:
    """Rejections name the field but never its value, because they appear in logs."""
    raw = encoded(**{field: {"x": secret} if field.endswith("_id") else secret})
    try:
        make_codec().decode(raw)
    except RefusedMessageError as refused:
        assert "4111" not in str(refused)  # noqa: PT017  some of these are accepted


NOT_STRINGS: dict[str, tuple[Any, DeadLetterReason]] = {
    "a number": (7, R.WRONG_TYPE),
    "a fractional number": (7.5, R.WRONG_TYPE),
    "a boolean": (True, R.WRONG_TYPE),
    "an array": (["FR"], R.WRONG_TYPE),
    "an object": ({"code": "FR"}, R.WRONG_TYPE),
}


@pytest.mark.parametrize(("value", "reason"), NOT_STRINGS.values(), ids=NOT_STRINGS)
def test_a_categorical_feature_is_a_string(value: Any, reason: DeadLetterReason) -> None:
    """A value that is not a string is rejected without being quoted."""
    codec = TransactionCodec(["V1"], categorical=["country"], max_bytes=LIMIT)
    with pytest.raises(RefusedMessageError, match=r"`\$\.features\.country`") as refused:
        codec.decode(encoded(features={"V1": 1, "country": value}))
    assert refused.value.reason is reason
    assert json.dumps(value) not in str(refused.value)


def test_a_categorical_feature_must_be_present() -> None:
    """An absent categorical feature is rejected, because absent differs from null."""
    codec = TransactionCodec(["V1"], categorical=["country"], max_bytes=LIMIT)
    with pytest.raises(RefusedMessageError, match="country") as refused:
        codec.decode(encoded(features={"V1": 1}))
    assert refused.value.reason is R.MISSING_FEATURE


@pytest.mark.parametrize(
    ("literal", "reason"),
    [(b'"\xff"', R.NOT_UTF8), (rb'"\ud800"', R.NOT_JSON), (b"'FR'", R.NOT_JSON), (b"NaN", R.NOT_FINITE)],
)
def test_an_invalid_string_is_refused(literal: bytes, reason: DeadLetterReason) -> None:
    """An invalid string is rejected in a categorical feature, as in any other field of a transaction."""
    codec = TransactionCodec([], categorical=["country"], max_bytes=LIMIT)
    with pytest.raises(RefusedMessageError) as refused:
        codec.decode(encoded(features={"country": "here"}).replace(b'"here"', literal))
    assert refused.value.reason is reason


@given(st.binary(max_size=2_000) | st.text().map(str.encode))
def test_random_bytes_are_refused(raw: bytes) -> None:
    """Decoding random bytes raises no error other than `RefusedMessageError`."""
    with pytest.raises(RefusedMessageError):
        make_codec().decode(raw)


@given(st.integers(0, len(encoded()) - 1), st.binary(max_size=8), st.integers(0, 8))
def test_damaged_transactions_are_decoded_or_refused(at: int, put: bytes, drop: int) -> None:
    """Decoding a damaged transaction raises no error other than `RefusedMessageError`."""
    raw = encoded()
    try:
        make_codec().decode(raw[:at] + put + raw[at + drop :])
    except RefusedMessageError as refused:
        assert refused.reason in R  # noqa: PT017  some damage leaves a good transaction


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "more"]), _JSON), _JSON, _JSON)
def test_wrong_values_are_decoded_or_refused(changes: dict[str, Any], feature: Any, extra: Any) -> None:
    """Whatever JSON value a field has, decoding raises no error other than `RefusedMessageError`."""
    features = {"V1": feature, "V2": 0.0, "W1": extra, "more": extra}
    try:
        make_codec().decode(encoded(**{"features": features, **changes}))
    except RefusedMessageError as refused:
        assert refused.reason in R  # noqa: PT017  some of these are accepted
