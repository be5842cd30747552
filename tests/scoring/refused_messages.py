"""A champion that fails on a certain value, and messages that are rejected, with the reasons."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from schemas.errors import DeadLetterReason
from schemas.manifest import MissingPolicy
from stream.scoring.features import Matrix
from stream.scoring.scorer import ScoredBatch
from tests.scoring.fake_model import (
    MAX_BYTES,
    SCORING_TIME,
    FakeModel,
    failing_where,
    fake_model,
    features,
    raw_batch,
    scorer,
    transaction,
)

R = DeadLetterReason
#: A value of V1 that the champion fails on.
POISON = 666.0
REFUSED: list[tuple[bytes | None, DeadLetterReason]] = [
    (None, R.EMPTY),
    (b"", R.EMPTY),
    (b" " * (MAX_BYTES + 1), R.TOO_LARGE),
    (b"\xff\xfe", R.NOT_UTF8),
    (b"{", R.NOT_JSON),
    (b"[]", R.WRONG_TYPE),
    (transaction(features(), amount_minor=-1), R.OUT_OF_RANGE),
    (transaction(features(), schema_version=2), R.SCHEMA_VERSION),
    (b'{"transaction_id": "1"}', R.MISSING_FIELD),
    (transaction({"V1": 0, "V2": 0}), R.MISSING_FEATURE),
    (transaction(features(v1="high")), R.WRONG_TYPE),  # type: ignore[arg-type]  # wrong on purpose
    (transaction(features(v1=float("nan"))), R.NOT_FINITE),
    (transaction(features(v2=1e39)), R.NOT_FINITE),
    (transaction(features(v3=None)), R.NULL_FEATURE),
    (transaction(features(v1=POISON)), R.UNSCORABLE),
]
_VALUE = st.floats(-3, 3)
_ACCEPTED = st.builds(transaction, st.builds(features, _VALUE, _VALUE, _VALUE), st.integers(0, 9))
#: Lists of messages, each with the reason for which it is rejected; None if it is accepted.
MESSAGES = st.lists(st.tuples(_ACCEPTED, st.none()) | st.sampled_from(REFUSED), max_size=30)


def is_poison(matrix: Matrix) -> Any:
    """Return the (n,) mask of the rows that the champion fails on."""
    return matrix[:, 0] == POISON


def poisoned_champion(missing: MissingPolicy = "refuse", **options: Any) -> FakeModel:
    """Return a champion that raises on poisoned rows and, by default, rejects nulls."""
    return fake_model(missing=missing, rule=failing_where(is_poison), **options)


def score(values: Sequence[bytes | None], model: FakeModel | None = None) -> ScoredBatch:
    """Score a batch, by default with the poisoned champion."""
    return scorer(model or poisoned_champion()).score(raw_batch(values), SCORING_TIME)
