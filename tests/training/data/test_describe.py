"""A draft of a description: guessed from names and values, readable back, and honest about what it does not know."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from schemas.errors import DataError
from tests.training.conftest import make_frame
from tests.training.data.own_data import OWN, make_own
from training.commands.describe import describe
from training.data.dataset import load
from training.data.config_files import decode_config
from training.data.describe import draft_description
from training.data.description import AmountColumn, DataDescription, TimeColumn


def drafted(frame: pl.DataFrame, path: Path) -> tuple[str, DataDescription]:
    """Write a frame, describe it, and read the draft back."""
    if path.suffix == ".csv":
        frame.write_csv(path, null_value="NA")
    else:
        frame.write_parquet(path)
    text = draft_description(path)
    return text, decode_config(text.encode(), DataDescription, "draft")


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_a_user_s_file_is_described_as_its_owner_would(tmp_path: Path, name: str) -> None:
    """Ids, ISO times, the label, amounts in units, a currency column, cards, numbers, text, codes, marks."""
    text, draft = drafted(make_own(), tmp_path / name)
    assert draft.columns == OWN.columns
    assert draft.features == OWN.features
    assert (draft.time, draft.amount.column) == (OWN.time, "amt")
    assert draft.missing == (("NA",) if name.endswith("csv") else ())
    assert "mcc: categorical  # named like a code, 3 levels" in text
    assert len(load(tmp_path / name, draft)) == len(make_own())


def test_the_ulb_data_are_described_but_for_their_base_date(tmp_path: Path) -> None:
    """What 0 stands for is in no file."""
    text, draft = drafted(make_frame(), tmp_path / "ulb.parquet")
    assert "since: 1970-01-01T00:00:00Z  # what does 0 stand for?" in text
    assert tuple(draft.features) == tuple(f"V{i}" for i in range(1, 29))
    assert (draft.time, draft.label) == (TimeColumn("Time", "s"), "Class")
    assert draft.amount == AmountColumn("Amount", "units")
    assert "currency: EUR  # no column names it" in text


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        (pl.Series(np.arange(100) + 1_700_000_000), "s"),
        (pl.Series(np.arange(100) * 1000 + 1_700_000_000_000), "ms"),
        (pl.from_epoch(pl.Series(np.arange(100) + 1_700_000_000)), "iso"),
        (pl.from_epoch(pl.Series(np.arange(100) + 1_700_000_000)).dt.strftime("%Y-%m-%d %H:%M:%S"), "iso"),
    ],
)
def test_units_of_time_are_told_by_their_range(tmp_path: Path, times: pl.Series, unit: str) -> None:
    """Whole seconds, milliseconds, dates and text."""
    frame = pl.DataFrame({"created": times, "is_fraud": [0, 1] * 50, "amount": [1.5, 2.0] * 50, "x": [0.5, 0.1] * 50})
    assert drafted(frame, tmp_path / "own.parquet")[1].time == TimeColumn("created", unit)  # type: ignore[arg-type]


def test_what_is_no_feature_is_left_out_with_the_reason(tmp_path: Path) -> None:
    """Second times, ids, constants, empty columns and lists stand as comments."""
    frame = make_own().with_columns(
        settled_on=pl.col("happened_at"),
        session=pl.format("s{}", pl.int_range(pl.len())),
        version=pl.lit("v1"),
        note=pl.lit(None, dtype=pl.String),
        basket=pl.concat_list("visits"),
    )
    text, draft = drafted(frame, tmp_path / "own.parquet")
    assert draft.features == OWN.features
    for line in (
        "# settled_on is left out: a time, which a model would learn by heart",
        "# session is left out: another value in nearly every row, like an id",
        "# version is left out: the same in every row",
        "# note is left out: missing in every row",
        "# basket is left out: neither a number nor text",
    ):
        assert f"  {line}\n" in text


def test_what_cannot_be_guessed_is_refused_until_it_is_named(tmp_path: Path) -> None:
    """The draft of a file with neither time, label nor amount says so, and so does training with it."""
    frame = pl.DataFrame({"a": [0.5, 1.5], "b": ["x", "x y"], "no": [-1.5, 3.0]})
    text, draft = drafted(frame, tmp_path / "own.csv")
    assert 'label: "??? no column holds 0 and 1 only"' in text
    assert '"no": numeric' in text
    with pytest.raises(DataError, match=r"has no column \?\?\? no column looks like a time, "):
        load(tmp_path / "own.csv", draft)


def test_any_label_of_0_and_1_will_do(tmp_path: Path) -> None:
    """One that is named like a label comes first; without such a name the first that holds 0 and 1 only."""
    frame = make_own().rename({"is_fraud": "outcome"})
    assert drafted(frame, tmp_path / "own.csv")[1].label == "outcome"
    both = make_own().with_columns(flag=pl.Series([0, 1] * (len(frame) // 2))).select("flag", pl.exclude("flag"))
    assert drafted(both, tmp_path / "own.csv")[1].label == "is_fraud"


def test_the_command_prints_or_writes(tmp_path: Path) -> None:
    """And never over a file that is there: somebody may have mended it."""
    data, out = tmp_path / "own.csv", tmp_path / "own.yaml"
    make_own().write_csv(data)
    runner = CliRunner()
    printed = runner.invoke(describe, [str(data)])
    assert printed.exit_code == 0
    written = runner.invoke(describe, [str(data), "--out", str(out)])
    assert (written.exit_code, written.output) == (0, f"{out}\n")
    assert out.read_text(encoding="utf-8") == printed.output
    again = runner.invoke(describe, [str(data), "--out", str(out)])
    assert isinstance(again.exception, DataError)
    assert str(again.exception) == f"{out} cannot be written (File exists)"


@pytest.mark.parametrize(("content", "says"), [(b"", "is empty"), (b"a,b\n", "has no rows")])
def test_a_file_without_rows_cannot_be_described(tmp_path: Path, content: bytes, says: str) -> None:
    """One line."""
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        draft_description(path)
