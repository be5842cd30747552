"""Tests the messages that a scored batch is encoded to, by topic and byte by byte."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from schemas.errors import DeadLetterReason
from schemas.messages import DeadLetter, Decision, ShadowScore
from stream.kafka.batch import Batch
from stream.kafka.clients import MAX_MESSAGE_BYTES
from stream.kafka.dead_letters import MAX_ORIGINAL_BYTES, REPLAYS_HEADER, TRUNCATED_BYTES, dead_letter_row
from stream.scoring.scorer import Refusal, ScoredBatch
from stream.settings import Settings
from stream.worker.outputs import BatchOutputs, make_outputs
from tests.scoring.fake_model import AMOUNT, SCORING_TIME, fake_model, features, raw_batch, scorer, transaction

SETTINGS = Settings().replace(
    topic_decisions="a-decisions",
    topic_alerts="a-alerts",
    topic_shadow_scores="a-shadow-scores",
    topic_dead_letters="a-dead-letters",
)
NOW_MS = 1_700_000_000_005
#: A declined, a rejected, an approved and a reviewed transaction.
VALUES = (
    transaction(features(2), 0),
    b"{",
    transaction(features(-2), 2),
    transaction(features(0.5), 3),
)


@dataclass
class Message:
    """A consumed message with its key and headers."""

    _key: bytes | None
    _headers: list[tuple[str, bytes | None]] | None = None

    def key(self) -> bytes | None:
        """Return the message's key."""
        return self._key

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        """Return the message's headers."""
        return self._headers


def batch_of(values: Sequence[bytes | None], keys: Sequence[bytes | None] | None = None) -> Batch:
    """Return a batch from two partitions, with offsets from 100."""
    messages = [Message(key) for key in keys or [b"key"] * len(values)]
    return Batch(messages, raw_batch(values, first=100), None, 0, {}, {}, 0.0)


def outputs_of(values: Sequence[bytes | None], parts: int = 1) -> BatchOutputs:
    """Score a batch in parts, with two challengers, the second of which lacks its feature."""
    lacking = fake_model([msgspec.structs.replace(AMOUNT, name="W1", kind="numeric")], version="3")
    scores = scorer(fake_model(), fake_model(version="2"), lacking)
    batch, outputs, size = batch_of(values), BatchOutputs(), -(-len(values) // parts)
    for start in range(0, len(values), size):
        scored = scores.score(batch.raw.slice(start, start + size), SCORING_TIME)
        outputs.extend(make_outputs(batch, scored, start, SETTINGS.topic, NOW_MS))
    return outputs


def dead_letter_of(value: bytes | None, key: bytes | None = b"key") -> tuple[dict[str, Any], DeadLetter]:
    """Return the row and the dead letter for one rejected message."""
    refusal = Refusal(0, DeadLetterReason.NOT_JSON, "no JSON")
    scored = ScoredBatch(scorer(fake_model()).roles, [], [], [refusal])
    (row,) = make_outputs(batch_of([value], [key]), scored, 0, SETTINGS.topic, NOW_MS).rows["a-dead-letters"]
    return row, msgspec.json.decode(row["value"], type=DeadLetter)


def test_every_output_goes_to_its_topic() -> None:
    """Three decisions, two alerts, one dead letter, and two shadow scores per decision go to their topics."""
    rows = outputs_of(VALUES).rows
    assert {topic: len(messages) for topic, messages in rows.items()} == {
        "a-decisions": 3,
        "a-alerts": 2,
        "a-shadow-scores": 6,
        "a-dead-letters": 1,
    }


def test_a_topic_without_messages_is_left_out() -> None:
    """A topic without messages is left out, so the sink receives no empty list."""
    assert outputs_of([VALUES[2]]).rows.keys() == {"a-decisions", "a-shadow-scores"}
    assert outputs_of([b"{"]).rows.keys() == {"a-dead-letters"}


def test_a_decision_is_keyed_by_its_card() -> None:
    """Decisions are keyed by card, in the order of the input, and contain their source positions."""
    rows = outputs_of(VALUES).rows["a-decisions"]
    decisions = [msgspec.json.decode(row["value"], type=Decision) for row in rows]
    assert [row["key"] for row in rows] == [decision.card_id for decision in decisions] == ["c-0", "c-2", "c-0"]
    assert [(d.source_partition, d.source_offset) for d in decisions] == [(0, 100), (0, 101), (1, 101)]
    assert decisions == scorer(fake_model()).score(raw_batch(VALUES, first=100), SCORING_TIME).decisions


def test_an_alert_is_the_same_bytes_as_its_decision() -> None:
    """An alert has the same bytes as its decision, so analysts and the ledger see the same decision."""
    rows = outputs_of(VALUES).rows
    assert rows["a-alerts"] == [rows["a-decisions"][0], rows["a-decisions"][2]]


def test_a_shadow_score_is_keyed_by_its_card_with_or_without_a_score() -> None:
    """Shadow scores are keyed by card; all scores from one challenger precede those from the next."""
    rows = outputs_of(VALUES).rows["a-shadow-scores"]
    records = [msgspec.json.decode(row["value"], type=ShadowScore) for row in rows]
    assert [row["key"] for row in rows] == [record.card_id for record in records]
    assert [record.model_version for record in records] == ["2"] * 3 + ["3"] * 3
    assert [record.problem for record in records] == [None] * 3 + ["feature W1 is missing"] * 3


def test_a_dead_letter_has_its_source_position_and_the_original_message() -> None:
    """A dead letter contains the original key and value in base64, and is keyed by the original key."""
    (row,) = outputs_of(VALUES).rows["a-dead-letters"]
    assert row["key"] == b"key"
    assert msgspec.json.decode(row["value"]) == {
        "reason": "not_json",
        "detail": "Input data was truncated",
        "source_topic": "transactions",
        "source_partition": 1,
        "source_offset": 100,
        "key": base64.b64encode(b"key").decode(),
        "value": base64.b64encode(b"{").decode(),
        "value_size": 1,
        "value_sha256": hashlib.sha256(b"{").hexdigest(),
        "truncated": False,
        "refused_at_ms": NOW_MS,
        "replays": 0,
        "schema_version": 1,
    }


@pytest.mark.parametrize("value", [None, b""], ids=["no value", "empty"])
@pytest.mark.parametrize("key", [None, b"", b"\xff\x00"], ids=["no key", "empty key", "binary key"])
def test_a_missing_key_or_value_differs_from_an_empty_one(value: bytes | None, key: bytes | None) -> None:
    """A missing key or value stays missing, and an empty key or value stays empty."""
    row, dead_letter = dead_letter_of(value, key)
    assert row["key"] == dead_letter.key == key
    assert dead_letter.value == value
    assert (dead_letter.value_size, dead_letter.truncated) == (0, False)
    assert dead_letter.value_sha256 == hashlib.sha256(b"").hexdigest()


def test_the_largest_original_is_kept_whole() -> None:
    """An original message up to the size limit is kept whole, and its dead letter fits the topic."""
    value = bytes(range(256)) * (MAX_ORIGINAL_BYTES // 256)
    row, dead_letter = dead_letter_of(value, b"k" * TRUNCATED_BYTES)
    assert dead_letter.value == value
    assert not dead_letter.truncated
    assert len(row["value"]) + len(row["key"]) < MAX_MESSAGE_BYTES


def test_a_larger_original_is_truncated() -> None:
    """A larger original message is cut to its first 64 KiB, with the size and the hash of the whole message."""
    value = b"x" * MAX_ORIGINAL_BYTES + b"y"
    _, dead_letter = dead_letter_of(value)
    assert dead_letter.truncated
    assert dead_letter.value == value[:TRUNCATED_BYTES]
    assert dead_letter.value_size == MAX_ORIGINAL_BYTES + 1
    assert dead_letter.value_sha256 == hashlib.sha256(value).hexdigest()


def test_a_huge_key_is_truncated_too() -> None:
    """A huge key is truncated both in the dead letter and as its key; otherwise it would block its partition."""
    row, dead_letter = dead_letter_of(b"{", b"k" * MAX_ORIGINAL_BYTES)
    assert row["key"] == dead_letter.key == b"k" * TRUNCATED_BYTES
    assert dead_letter.truncated
    assert dead_letter.value == b"{"


@pytest.mark.parametrize(
    ("headers", "replays"),
    [
        (None, 0),
        ([("traceparent", b"00-1")], 0),
        ([(REPLAYS_HEADER, b"1")], 1),
        ([(REPLAYS_HEADER, b"1"), (REPLAYS_HEADER, b"2")], 2),
        ([(REPLAYS_HEADER, b"999999999")], 999_999_999),
        ([(REPLAYS_HEADER, b"9" * 5_000)], 0),
        ([(REPLAYS_HEADER, b"-1")], 0),
        ([(REPLAYS_HEADER, "٣".encode())], 0),
        ([(REPLAYS_HEADER, b"")], 0),
        ([(REPLAYS_HEADER, None)], 0),
    ],
)
def test_a_dead_letter_says_how_often_its_message_was_sent_again(
    headers: list[tuple[str, bytes | None]] | None, replays: int
) -> None:
    """The number comes from the message's header; a missing or invalid header, which anyone may set, counts as 0."""
    batch = batch_of([b"{"])
    batch.messages[0] = Message(b"key", headers)
    row = dead_letter_row(batch, 0, DeadLetterReason.NOT_JSON, "no JSON", NOW_MS)
    assert msgspec.json.decode(row["value"], type=DeadLetter).replays == replays


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_parts_add_up_to_the_whole(parts: int) -> None:
    """Parts add up to the whole batch, and a rejection's index counts from the start of the batch, not of its part."""
    whole, parted = outputs_of(VALUES), outputs_of(VALUES, parts)
    for topic in ("a-decisions", "a-alerts", "a-dead-letters"):
        assert parted.rows[topic] == whole.rows[topic]
    by_value = sorted(row["value"] for row in whole.rows["a-shadow-scores"])
    assert sorted(row["value"] for row in parted.rows["a-shadow-scores"]) == by_value


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_counts_agree_with_the_messages(parts: int) -> None:
    """The counts agree with the number of decisions, the verdicts of alerts and the reasons of dead letters."""
    outputs = outputs_of(VALUES, parts)
    assert outputs.decided == 3
    assert outputs.alerts == ["decline", "review"]
    assert outputs.refusals == [DeadLetterReason.NOT_JSON]
