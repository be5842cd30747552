"""Accepted transactions are laid out as columns."""

from typing import Any

import numpy as np

from schemas.codec import TransactionCodec
from schemas.manifest import Feature
from stream.scoring.accepted_rows import AcceptedRows, accepted_rows
from stream.scoring.features import FeaturePlan
from tests.scoring.fake_model import COUNTRY, MAX_BYTES, fake_model, features, transaction


def three_rows() -> AcceptedRows:
    """Return three transactions, the second without V2, with an extra feature for a challenger."""
    plan = fake_model().plan
    codec = TransactionCodec(plan.numeric, ["W1"], max_bytes=MAX_BYTES)
    values = [features(1, 2, 3, W1=9), features(4, None, 6), features(7, 8, 9)]
    decoded = [codec.decode(transaction(each, number, amount_minor=number)) for number, each in enumerate(values)]
    return accepted_rows([0, 2, 5], decoded, plan)


def test_columns_hold_only_the_champion_s_features() -> None:
    """`numeric` contains only the champion's features, with NaN for null under any missing-value policy."""
    rows = three_rows()
    np.testing.assert_array_equal(rows.numeric, [[1, 2, 3], [4, np.nan, 6], [7, 8, 9]])
    assert rows.amounts.tolist() == [0, 1, 2]
    assert rows.times.tolist() == [1_378_000_000_000, 1_378_000_000_001, 1_378_000_000_002]
    assert rows.matrix.tolist() == [[1, 0, 2, 3], [4, 1, -0.5, 6], [7, 2, 8, 9]]


def test_strings_become_codes() -> None:
    """Strings become codes, which are in manifest order in the matrix although the struct lists numbers first."""
    plan = FeaturePlan([Feature("a", 0, "categorical", ("x", "y")), Feature("V1", 0.0), COUNTRY], "nan")
    codec = TransactionCodec(plan.numeric, ["W1"], categorical=plan.categorical, max_bytes=MAX_BYTES)
    values: list[dict[str, Any]] = [
        {"country": "BE", "V1": 7, "a": "y", "W1": 1},
        {"a": "?", "V1": None, "country": None},
    ]
    rows = accepted_rows([0, 1], [codec.decode(transaction(each)) for each in values], plan)
    np.testing.assert_array_equal(rows.matrix, np.array([[1, 7, 1], [2, np.nan, np.nan]], dtype=np.float32))


def test_where_filters_every_column() -> None:
    """`where` drops a row from every attribute."""
    kept = three_rows().where(np.array([True, False, True]))
    assert kept.indices.tolist() == [0, 5]
    assert [each.transaction_id for each in kept.transactions] == ["t-0", "t-2"]
    assert kept.numeric[:, 0].tolist() == [1, 7]
    assert kept.amounts.tolist() == [0, 2]
    assert kept.times.tolist() == [1_378_000_000_000, 1_378_000_000_002]
    assert kept.matrix[:, 0].tolist() == [1, 7]


def test_where_copies_nothing_if_all_rows_stay() -> None:
    """If all rows stay, as in the usual batch, `where` returns the same object."""
    rows = three_rows()
    assert rows.where(np.ones(3, dtype=np.bool_)) is rows


def test_no_transactions_make_empty_columns() -> None:
    """If every message is rejected, all columns exist and are empty."""
    empty = accepted_rows([], [], fake_model().plan)
    assert empty.numeric.shape == (0, 3)
    assert empty.matrix.shape == (0, 4)
