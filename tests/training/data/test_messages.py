"""The stream reads from messages exactly the values that training used."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from schemas.codec import TransactionCodec
from schemas.errors import DataError
from stream.scoring.features import FeaturePlan
from training.data.cards import CARDS, card_id
from training.data.dataset import load
from training.data.description import ULB
from training.data.featureset import DEFAULT, make_features
from training.data.split import split_by_time
from training.offline import export_stream, part_of

Save = Callable[[pl.DataFrame], Path]


def test_the_stream_reads_the_feature_vectors_of_training(frame: pl.DataFrame, save: Save, tmp_path: Path) -> None:
    """JSON, codec and feature plan preserve every float32 value, even extreme ones."""
    extreme = [1e-300, 0.1 + 0.2, -0.0, 1.17549435e-38, 3.4028234e38, 1 / 3, 16777217.0]
    values = np.resize(extreme, len(frame))
    data = load(save(frame.with_columns(pl.Series("V3", values))))
    out = tmp_path / "all.jsonl"
    export_stream(data, out)
    plan = FeaturePlan(make_features(DEFAULT, data), "median")
    codec = TransactionCodec(plan.numeric, max_bytes=65536)
    read = [codec.decode(line) for line in out.read_bytes().splitlines()]
    matrix = plan.matrix(
        np.array([msgspec.structs.astuple(transaction.features) for transaction in read], dtype=np.float64),
        np.empty((len(read), 0)),
        np.array([transaction.amount_minor for transaction in read]),
        np.array([transaction.event_time_ms for transaction in read]),
    )
    assert matrix.tobytes() == data.matrix(plan).tobytes()
    assert not codec.unknown_features


def test_a_part_is_exported_in_order_of_event_time(frame: pl.DataFrame, save: Save, tmp_path: Path) -> None:
    """Exported ids are row numbers, times are counted from the base date, and neither time nor label is a feature."""
    path = save(frame)
    out = tmp_path / "test.jsonl"
    export_stream(part_of(load(path), "test"), out)
    lines = [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]
    test = split_by_time(load(path)).test
    assert [line["transaction_id"] for line in lines] == [str(row) for row in test.row]
    assert [line["event_time_ms"] for line in lines] == [
        1_377_993_600_000 + int(frame["Time"][row]) * 1000 for row in test.row.tolist()
    ]
    assert set(lines[0]["features"]) == set(ULB.features)
    assert {line["currency"] for line in lines} == {"EUR"}


def test_synthetic_cards_are_constant_and_evenly_spread() -> None:
    """A row has the same synthetic card in every run, and cards have about equally many rows."""
    assert card_id(227845) == "card-7c8682504fe038a7"
    cards = [card_id(row) for row in range(5 * CARDS)]
    assert 0.98 * CARDS < len(set(cards)) <= CARDS
    assert Counter(cards).most_common(1)[0][1] < 25


def test_a_path_that_cannot_be_written_is_named(frame: pl.DataFrame, save: Save, tmp_path: Path) -> None:
    """A path that cannot be written to causes a one-line error that names the path."""
    with pytest.raises(DataError, match="cannot write to"):
        export_stream(load(save(frame)), tmp_path / "gone" / "out.jsonl")
