"""A draft description is guessed from names and values, is readable, and says what is unknown."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from schemas.errors import DataError
from tests.training.data.own_data import OWN, make_own
from tests.training.frames import make_frame
from training.cli import cli
from training.data.config_files import decode_config
from training.data.dataset import load
from training.data.describe import draft_description
from training.data.description import AmountColumn, DataDescription, TimeColumn


def draft_of(frame: pl.DataFrame, path: Path) -> tuple[str, DataDescription]:
    """Write a frame to a file, draft its description, and read the draft back."""
    if path.suffix == ".csv":
        frame.write_csv(path, null_value="NA")
    else:
        frame.write_parquet(path)
    text = draft_description(path)
    return text, decode_config(text.encode(), DataDescription, "draft")


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_the_draft_of_a_users_file_is_correct(tmp_path: Path, name: str) -> None:
    """The draft is correct for ids, ISO times, labels, amounts, currencies, cards, numbers, text, codes and nulls."""
    text, draft = draft_of(make_own(), tmp_path / name)
    assert draft.columns == OWN.columns
    assert draft.features == OWN.features
    assert (draft.time, draft.amount.column) == (OWN.time, "amt")
    assert draft.missing == (("NA",) if name.endswith("csv") else ())
    assert "mcc: categorical  # named like a code, 3 levels" in text
    assert len(load(tmp_path / name, draft)) == len(make_own())


def test_the_draft_of_the_ulb_data_lacks_only_their_base_date(tmp_path: Path) -> None:
    """The draft is complete except for the date of time 0, which is not in the file."""
    text, draft = draft_of(make_frame(), tmp_path / "ulb.parquet")
    assert "since: 1970-01-01T00:00:00Z  # which time is 0?" in text
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
def test_units_of_time_follow_from_the_range(tmp_path: Path, times: pl.Series, unit: str) -> None:
    """Seconds and milliseconds are told apart by their range; dates, also as text, are recognised by their type."""
    frame = pl.DataFrame({"created": times, "is_fraud": [0, 1] * 50, "amount": [1.5, 2.0] * 50, "x": [0.5, 0.1] * 50})
    assert draft_of(frame, tmp_path / "own.parquet")[1].time == TimeColumn("created", unit)  # type: ignore[arg-type]


def test_unsuitable_columns_are_left_out_with_the_reason(tmp_path: Path) -> None:
    """Additional times and ids, constants, empty columns and lists become comments that give the reason."""
    frame = make_own().with_columns(
        settled_on=pl.col("happened_at"),
        session=pl.format("s{}", pl.int_range(pl.len())),
        version=pl.lit("v1"),
        note=pl.lit(None, dtype=pl.String),
        basket=pl.concat_list("visits"),
    )
    text, draft = draft_of(frame, tmp_path / "own.parquet")
    assert draft.features == OWN.features
    for line in (
        "# settled_on is left out: a time, which a model would memorise",
        "# session is left out: a different value in nearly every row, like an id",
        "# version is left out: the same in every row",
        "# note is left out: missing in every row",
        "# basket is left out: neither numbers nor text",
    ):
        assert f"  {line}\n" in text


def test_a_draft_with_unknown_columns_is_refused(tmp_path: Path) -> None:
    """For a file without time, label and amount, the draft says so, and so does the error when the draft is used."""
    frame = pl.DataFrame({"a": [0.5, 1.5], "b": ["x", "x y"], "no": [-1.5, 3.0]})
    text, draft = draft_of(frame, tmp_path / "own.csv")
    assert 'label: "??? no column has only 0 and 1"' in text
    assert '"no": numeric' in text
    with pytest.raises(DataError, match=r"has no column \?\?\? no column looks like a time, "):
        load(tmp_path / "own.csv", draft)


def test_any_column_of_0_and_1_may_be_the_label(tmp_path: Path) -> None:
    """The label is a column named like a label, or else the first column that contains only 0 and 1."""
    frame = make_own().rename({"is_fraud": "outcome"})
    assert draft_of(frame, tmp_path / "own.csv")[1].label == "outcome"
    both = make_own().with_columns(flag=pl.Series([0, 1] * (len(frame) // 2))).select("flag", pl.exclude("flag"))
    assert draft_of(both, tmp_path / "own.csv")[1].label == "is_fraud"


def test_the_command_prints_or_writes_the_draft(tmp_path: Path) -> None:
    """The command prints the draft or writes it to a new file, but never overwrites an existing file."""
    data, out = tmp_path / "own.csv", tmp_path / "own.yaml"
    make_own().write_csv(data)
    runner = CliRunner()
    printed = runner.invoke(cli, ["describe", str(data)])
    assert printed.exit_code == 0
    written = runner.invoke(cli, ["describe", str(data), "--out", str(out)])
    assert (written.exit_code, written.output) == (0, f"{out}\n")
    assert out.read_text(encoding="utf-8") == printed.output
    again = runner.invoke(cli, ["describe", str(data), "--out", str(out)])
    assert isinstance(again.exception, DataError)
    assert str(again.exception) == f"cannot write to {out} (File exists); choose another file with --out"


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (b"a,b\n", "has no rows")])
def test_a_file_without_rows_cannot_be_described(tmp_path: Path, content: bytes, message: str) -> None:
    """Describing a file without rows fails with a one-line error."""
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        draft_description(path)
