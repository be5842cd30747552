"""The message codec: which messages it accepts, and its reasons for rejecting others, without quoting values."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DeadLetterReason, RefusedMessageError
from schemas.message_codec import MessageCodec
from schemas.messages import Decision, Label, ModelUpdate, encode
from tests.support.records import decision, label

REASONS = DeadLetterReason
LABELS, DECISIONS, UPDATES = MessageCodec(Label), MessageCodec(Decision), MessageCodec(ModelUpdate)


def test_messages_are_decoded_as_written() -> None:
    """Messages are decoded as they were written; unknown fields, which newer programs may add, are ignored."""
    assert LABELS.decode(encode(label(1))) == label(1)
    assert DECISIONS.decode(encode(decision(1))[:-1] + b',"further":[1]}') == decision(1)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, REASONS.EMPTY),
        (b"", REASONS.EMPTY),
        (b"{", REASONS.NOT_JSON),
        (b"\xff", REASONS.NOT_UTF8),
        (b"NaN", REASONS.NOT_FINITE),
        (b'{"x":' * 100_000, REASONS.NOT_JSON),
        (encode(label(1, label_id="?")).replace(b"?", rb"\ud800"), REASONS.NOT_JSON),
        (b"[]", REASONS.WRONG_TYPE),
        (b"{}", REASONS.MISSING_FIELD),
        (encode(label(1, fraud="secret")), REASONS.WRONG_TYPE),
        (encode(label(1, source="secret")), REASONS.WRONG_TYPE),
        (encode(label(1, schema_version=7)), REASONS.SCHEMA_VERSION),
        (encode(label(1, label_id="")), REASONS.OUT_OF_RANGE),
        (encode(label(1, label_id="secret\0")), REASONS.OUT_OF_RANGE),
        (encode(label(1, event_time_ms=-1)), REASONS.OUT_OF_RANGE),
    ],
)
def test_each_refusal_has_its_reason(raw: bytes | None, reason: DeadLetterReason) -> None:
    """Each rejection has a reason, and a detail that quotes no value."""
    with pytest.raises(RefusedMessageError) as refused:
        LABELS.decode(raw)
    assert refused.value.reason is reason
    assert "secret" not in str(refused.value)


@given(st.integers(0, 2**80))
def test_integers_beyond_64_bits_are_refused(offset: int) -> None:
    """Integers that do not fit in a 64-bit database column are rejected; smaller integers are accepted."""
    raw = encode(decision(1)).replace(b'"source_offset":1,', b'"source_offset":%d,' % offset)
    if offset < 2**63:
        assert DECISIONS.decode(raw).source_offset == offset
    else:
        with pytest.raises(RefusedMessageError) as refused:
            DECISIONS.decode(raw)
        assert refused.value.reason in {REASONS.OUT_OF_RANGE, REASONS.WRONG_TYPE, REASONS.NOT_FINITE}


def test_a_struct_that_contradicts_itself_is_refused() -> None:
    """A struct that contradicts itself is rejected, with the error text of the struct's own check as the detail."""
    bundle = {"name": "f", "version": "1", "path": "p", "sha256": "a" * 64}
    raw = {
        "epoch": 1,
        "champion": bundle,
        "written_at_ms": 0,
        "author": "t",
        "challengers": [{"bundle": bundle, "share": 0.5}],
    }
    with pytest.raises(RefusedMessageError, match="mode split needs a share above 0"):
        UPDATES.decode(msgspec.json.encode(raw))
