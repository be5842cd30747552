"""The codec: what is accepted, and the exact reason for what is refused."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import TransactionCodec
from schemas.errors import DeadLetterReason, RefusedMessageError

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


def _codec() -> TransactionCodec:
    return TransactionCodec(["V1", "V2"], ["W1"], max_bytes=LIMIT)


def _bytes(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def _without(field: str) -> bytes:
    return json.dumps({name: value for name, value in GOOD.items() if name != field}).encode()


def _with_literal(old: bytes, new: bytes) -> bytes:
    """Return the good transaction with literal bytes that Python's json would not write."""
    raw = _bytes()
    assert raw.count(old) == 1
    return raw.replace(old, new)


def _v1(literal: bytes) -> bytes:
    return _with_literal(b"1.5", literal)


def _feature_row(raw: bytes, codec: TransactionCodec | None = None) -> tuple[Any, ...]:
    return msgspec.structs.astuple((codec or _codec()).decode(raw).features)


def _said(raw: bytes) -> dict[str, Any]:
    """Return what the codec read, features as the champion's row."""
    return {**msgspec.structs.asdict(_codec().decode(raw)), "features": _feature_row(raw)[:2]}


R = DeadLetterReason
REFUSED: dict[str, tuple[bytes | None, DeadLetterReason]] = {
    "no value": (None, R.EMPTY),
    "empty": (b"", R.EMPTY),
    "too large": (_bytes(card_id="c" * LIMIT), R.TOO_LARGE),
    "too large and no JSON": (b"\xff" * (LIMIT + 1), R.TOO_LARGE),
    # Encodings
    "utf-16 with its mark": (json.dumps(GOOD).encode("utf-16"), R.NOT_UTF8),
    "utf-16 without a mark": (json.dumps(GOOD).encode("utf-16-le"), R.NOT_JSON),
    "latin-1": (_bytes().replace(b"c-1", "café".encode("latin-1")), R.NOT_UTF8),
    "a surrogate as UTF-8": (_bytes().replace(b"c-1", b"\xed\xa0\x80"), R.NOT_UTF8),
    "an overlong zero": (_bytes().replace(b"c-1", b"\xc0\x80"), R.NOT_UTF8),
    "a byte order mark": (b"\xef\xbb\xbf" + _bytes(), R.NOT_JSON),
    "half an escaped surrogate pair": (_bytes().replace(b"c-1", rb"\ud800"), R.NOT_JSON),
    # Not JSON
    "white space": (b" \n", R.NOT_JSON),
    "words": (b"hello", R.NOT_JSON),
    "truncated": (_bytes()[:-5], R.NOT_JSON),
    "something after it": (_bytes() + b"x", R.NOT_JSON),
    "two at once": (_bytes() * 2, R.NOT_JSON),
    "a trailing comma": (_with_literal(b"null}", b"null,}"), R.NOT_JSON),
    "single quotes": (_bytes().replace(b'"', b"'"), R.NOT_JSON),
    "a control character": (_bytes().replace(b"c-1", b"c\x01"), R.NOT_JSON),
    "a leading zero": (_v1(b"01"), R.NOT_JSON),
    "a hexadecimal number": (_v1(b"0x1"), R.NOT_JSON),
    "nan in another spelling": (_v1(b"nan"), R.NOT_JSON),
    "objects in objects without end": (b'{"a":' * 10_000, R.NOT_JSON),
    "a deep unknown feature": (_v1(b'1,"U":' + b"[" * 30_000 + b"]" * 30_000), R.NOT_JSON),
    # Not finite
    "NaN": (_v1(b"NaN"), R.NOT_FINITE),
    "Infinity": (_v1(b"Infinity"), R.NOT_FINITE),
    "-Infinity": (_v1(b"-Infinity"), R.NOT_FINITE),
    "NaN in an unknown feature": (_v1(b'1,"U":NaN'), R.NOT_FINITE),
    "1e400": (_v1(b"1e400"), R.NOT_FINITE),
    "-1e400": (_v1(b"-1e400"), R.NOT_FINITE),
    "an integer of 400 digits": (_v1(b"9" * 400), R.NOT_FINITE),
    "an amount of 1e400": (_with_literal(b"1250", b"1e400"), R.NOT_FINITE),
    # Another shape
    "null": (b"null", R.WRONG_TYPE),
    "an array": (b"[]", R.WRONG_TYPE),
    "a deep array": (b"[" * 30_000 + b"]" * 30_000, R.WRONG_TYPE),
    "a string": (b'"hello"', R.WRONG_TYPE),
    "a number": (b"12", R.WRONG_TYPE),
    "a feature that is a string": (_bytes(features={"V1": "1.5", "V2": None}), R.WRONG_TYPE),
    "a feature that is a boolean": (_bytes(features={"V1": True, "V2": None}), R.WRONG_TYPE),
    "a feature that is an array": (_bytes(features={"V1": [1.5], "V2": None}), R.WRONG_TYPE),
    "the first of two duplicates is bad": (_v1(b'"bad","V1":1.5'), R.WRONG_TYPE),
    "features null": (_bytes(features=None), R.WRONG_TYPE),
    "features an array": (_bytes(features=[1.5, None]), R.WRONG_TYPE),
    "an amount with a point": (_bytes(amount_minor=12.5), R.WRONG_TYPE),
    "an amount as string": (_bytes(amount_minor="1250"), R.WRONG_TYPE),
    "an amount as boolean": (_bytes(amount_minor=True), R.WRONG_TYPE),
    "a card that is null": (_bytes(card_id=None), R.WRONG_TYPE),
    "a card that is a number": (_bytes(card_id=17), R.WRONG_TYPE),
    "a version as string": (_bytes(schema_version="1"), R.WRONG_TYPE),
    # Something is missing
    **{f"no {field}": (_without(field), R.MISSING_FIELD) for field in GOOD if field != "schema_version"},
    "an empty object": (b"{}", R.MISSING_FIELD),
    "a feature is missing": (_bytes(features={"V1": 1.5}), R.MISSING_FEATURE),
    "no features in it": (_bytes(features={}), R.MISSING_FEATURE),
    "a feature in another case": (_bytes(features={"V1": 1.5, "v2": 1.0}), R.MISSING_FEATURE),
    # Out of range
    "an amount below zero": (_bytes(amount_minor=-1), R.OUT_OF_RANGE),
    "an amount too large": (_bytes(amount_minor=10**15 + 1), R.OUT_OF_RANGE),
    "an amount of 40 digits": (_bytes(amount_minor=10**40), R.OUT_OF_RANGE),
    "an amount of 5,000 digits": (_with_literal(b"1250", b"9" * 5_000), R.OUT_OF_RANGE),
    "a time before 1970": (_bytes(event_time_ms=-1), R.OUT_OF_RANGE),
    "a time in microseconds": (_bytes(event_time_ms=1_377_993_600_000_000), R.OUT_OF_RANGE),
    "an empty id": (_bytes(transaction_id=""), R.OUT_OF_RANGE),
    "a long id": (_bytes(transaction_id="t" * 129), R.OUT_OF_RANGE),
    "an empty card": (_bytes(card_id=""), R.OUT_OF_RANGE),
    "a long card": (_bytes(card_id="c" * 129), R.OUT_OF_RANGE),
    "a currency in small letters": (_bytes(currency="eur"), R.OUT_OF_RANGE),
    "a currency that is none": (_bytes(currency="EURO"), R.OUT_OF_RANGE),
    "a currency with a line feed": (_bytes(currency="EUR\n"), R.OUT_OF_RANGE),
    "a later version": (_bytes(schema_version=2), R.SCHEMA_VERSION),
    "version zero": (_bytes(schema_version=0), R.SCHEMA_VERSION),
}


@pytest.mark.parametrize(("raw", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_refused_with_its_reason(raw: bytes | None, reason: DeadLetterReason) -> None:
    """Each kind of bad input has one exact reason, and a text of one line."""
    with pytest.raises(RefusedMessageError) as refused:
        _codec().decode(raw)
    assert refused.value.reason is reason
    assert str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_reason_of_the_codec_is_covered() -> None:
    """The cases above name each reason but the two that need the model."""
    assert {reason for _, reason in REFUSED.values()} == set(R) - {R.NULL_FEATURE, R.UNSCORABLE}


@pytest.mark.parametrize("secret", ["4111111111111111", 4111111111111111, 4111.111111111111, {"4111111111111111": 1}])
@pytest.mark.parametrize("field", [name for name in GOOD if name != "features"])
def test_a_refusal_never_tells_values(field: str, secret: Any) -> None:
    """Refusals reach logs: they name the field, never what stood in it."""
    raw = _bytes(**{field: {"x": secret} if field.endswith("_id") else secret})
    try:
        _codec().decode(raw)
    except RefusedMessageError as refused:
        assert "4111" not in str(refused)  # noqa: PT017  some of these are accepted


def test_white_space_around_a_transaction_is_allowed() -> None:
    """JSON allows it, so do we."""
    assert _said(b" " + _bytes() + b"\r\n") == _said(_bytes())


def test_the_version_may_be_left_out() -> None:
    """A transaction without schema_version is of version 1."""
    assert _codec().decode(_without("schema_version")).schema_version == 1


def test_null_is_accepted_here() -> None:
    """What null means is the manifest's affair, after decoding."""
    assert _feature_row(_bytes())[:2] == (1.5, None)


def test_a_number_too_large_for_float32_is_accepted_here() -> None:
    """1e39 is a number for JSON; the feature plan refuses it."""
    assert _feature_row(_v1(b"1e39"))[0] == 1e39


def test_the_last_of_duplicate_keys_wins() -> None:
    """In features as in the transaction itself."""
    assert _feature_row(_v1(b'1,"V1":2,"V1":3'))[0] == 3
    assert _codec().decode(_with_literal(b'"c-1"', b'"c-1","card_id":"c-2"')).card_id == "c-2"


@pytest.mark.parametrize("value", [b"null", b'"x"', b"[1,{}]", b"true", b"1e400", b"1e39", b'"\xff"'])
def test_a_challengers_feature_never_refuses(value: bytes) -> None:
    """Whatever stands in an extra feature reaches the challenger as raw bytes; the champion decides all the same."""
    row = _feature_row(_v1(b'1.5,"W1":' + value))
    assert row[:2] == (1.5, None)
    assert bytes(row[2]) == value


def test_an_absent_challengers_feature_is_empty() -> None:
    """Absent and null are told apart: absent is no bytes at all."""
    assert bytes(_feature_row(_bytes())[2]) == b""


STRINGS: dict[str, tuple[Any, DeadLetterReason]] = {
    "a number": (7, R.WRONG_TYPE),
    "a number with a point": (7.5, R.WRONG_TYPE),
    "a boolean": (True, R.WRONG_TYPE),
    "an array": (["FR"], R.WRONG_TYPE),
    "an object": ({"code": "FR"}, R.WRONG_TYPE),
}


@pytest.mark.parametrize(("value", "reason"), STRINGS.values(), ids=STRINGS)
def test_a_categorical_feature_is_a_string(value: Any, reason: DeadLetterReason) -> None:
    """Whatever else stands there is refused, and no value is told."""
    codec = TransactionCodec(["V1"], categorical=["country"], max_bytes=LIMIT)
    with pytest.raises(RefusedMessageError, match=r"`\$\.features\.country`") as refused:
        codec.decode(_bytes(features={"V1": 1, "country": value}))
    assert refused.value.reason is reason
    assert json.dumps(value) not in str(refused.value)


def test_a_categorical_feature_must_be_there() -> None:
    """Absent is no null."""
    codec = TransactionCodec(["V1"], categorical=["country"], max_bytes=LIMIT)
    with pytest.raises(RefusedMessageError, match="country") as refused:
        codec.decode(_bytes(features={"V1": 1}))
    assert refused.value.reason is R.MISSING_FEATURE


@pytest.mark.parametrize(
    ("literal", "reason"),
    [(b'"\xff"', R.NOT_UTF8), (rb'"\ud800"', R.NOT_JSON), (b"'FR'", R.NOT_JSON), (b"NaN", R.NOT_FINITE)],
)
def test_a_category_that_is_no_text_is_refused(literal: bytes, reason: DeadLetterReason) -> None:
    """As anywhere else in a transaction."""
    codec = TransactionCodec([], categorical=["country"], max_bytes=LIMIT)
    with pytest.raises(RefusedMessageError) as refused:
        codec.decode(_bytes(features={"country": "here"}).replace(b'"here"', literal))
    assert refused.value.reason is reason


@given(st.none() | st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_a_category_is_read_as_it_was_sent(category: str | None, ascii_only: bool) -> None:
    """Any text, behind the numbers and before what challengers ask for, whatever the order in the message."""
    codec = TransactionCodec(["V1"], ["W1"], categorical=["country"], max_bytes=LIMIT)
    features = {"W1": "x", "country": category, "V1": 1}
    raw = json.dumps(GOOD | {"features": features}, ensure_ascii=ascii_only).encode()
    v1, country, w1 = _feature_row(raw, codec)
    assert (v1, country, bytes(w1)) == (1.0, category, b'"x"')


def test_unknown_features_are_counted() -> None:
    """Unknown names don't refuse; each is counted once a transaction."""
    codec = _codec()
    for _ in range(3):
        assert _feature_row(_v1(b'1.5,"U1":0,"U1":1,"U2":"x"'), codec)[:2] == (1.5, None)
    codec.decode(_bytes())
    assert codec.unknown_features == {"U1": 3, "U2": 3}


def test_unknown_names_are_bounded_in_number_and_length() -> None:
    """A sender who makes up names can't fill our memory: beyond the bounds they count as "other"."""
    codec = _codec()
    for i in range(200):
        codec.decode(_bytes(features={**GOOD["features"], f"U{i}": 1, "U" * (200 + i): 1}))
    assert len(codec.unknown_features) <= codec.MAX_UNKNOWN_NAMES + 1  # and "other"
    assert sum(codec.unknown_features.values()) == 400
    assert max(map(len, codec.unknown_features)) <= codec.MAX_NAME_LENGTH


def test_an_unknown_name_that_is_not_utf8_is_counted_as_other() -> None:
    """Nobody reads it, so nobody refuses it."""
    codec = _codec()
    codec.decode(_v1(b'1.5,"\xff":0'))
    assert codec.unknown_features == {"other": 1}


def test_unknown_fields_of_the_transaction_are_ignored() -> None:
    """A sender may add fields of its own."""
    assert _said(_bytes(merchant={"country": "FR"})) == _said(_bytes())


def test_feature_names_may_be_any_text() -> None:
    """Names are JSON keys, not Python identifiers, even when they read like one of msgspec's messages."""
    names = ["missing required field", "a - at `$.features`", "class", "é", ""]
    codec = TransactionCodec(names, max_bytes=LIMIT)
    assert _feature_row(_bytes(features=dict.fromkeys(names, 1.0)), codec) == (1.0,) * 5
    for name in names:
        with pytest.raises(RefusedMessageError) as refused:
            codec.decode(_bytes(features={**dict.fromkeys(names, 1.0), name: "x"}))
        assert refused.value.reason is R.WRONG_TYPE


@given(st.binary(max_size=2_000) | st.text().map(str.encode))
def test_random_bytes_raise_nothing_else(raw: bytes) -> None:
    """Whatever arrives is decoded or refused."""
    with pytest.raises(RefusedMessageError):
        _codec().decode(raw)


@given(st.integers(0, len(_bytes()) - 1), st.binary(max_size=8), st.integers(0, 8))
def test_damaged_transactions_raise_nothing_else(at: int, put: bytes, drop: int) -> None:
    """A good transaction with some bytes replaced is decoded or refused."""
    raw = _bytes()
    try:
        _codec().decode(raw[:at] + put + raw[at + drop :])
    except RefusedMessageError as refused:
        assert refused.reason in R  # noqa: PT017  some damage leaves a good transaction


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "more"]), _JSON), _JSON, _JSON)
def test_wrong_values_raise_nothing_else(changes: dict[str, Any], feature: Any, extra: Any) -> None:
    """Any JSON value in any place is decoded or refused, never an error of another kind."""
    features = {"V1": feature, "V2": 0.0, "W1": extra, "more": extra}
    try:
        _codec().decode(_bytes(**{"features": features, **changes}))
    except RefusedMessageError as refused:
        assert refused.reason in R  # noqa: PT017  some of these are accepted


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
def test_what_was_sent_is_what_is_read(
    sent: dict[str, Any], first: float | None, second: float, ascii_only: bool
) -> None:
    """Every valid transaction comes back exact, doubles to the last bit."""
    raw = json.dumps({**sent, "features": {"V1": first, "V2": second}}, ensure_ascii=ascii_only).encode()
    transaction = _codec().decode(raw)
    assert {name: getattr(transaction, name) for name in sent} == sent
    v1, v2, _ = msgspec.structs.astuple(transaction.features)
    assert v1 == first
    assert v2 == second
    assert math.copysign(1, v2) == math.copysign(1, second)
