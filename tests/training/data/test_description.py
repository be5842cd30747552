"""Descriptions and feature sets in YAML: required fields and one-line errors."""

from pathlib import Path

import pytest

from schemas.errors import DataError
from tests.training.data.own_data import OWN, YAML
from training.data.description import ULB, read_description
from training.data.featureset import read_feature_set


def test_the_built_in_description_is_the_ulb_data() -> None:
    """The built-in description has the 28 components in order; time, amount and label are not features."""
    assert tuple(ULB.features) == tuple(f"V{i}" for i in range(1, 29))
    assert ULB.columns == ("Time", "Class", "Amount")
    assert ULB.time.since.isoformat() == "2013-09-01T00:00:00+00:00"


def test_ids_and_categories_are_read_as_text() -> None:
    """Ids and categories keep their leading zeros."""
    assert OWN.texts == ("trans_num", "ccy", "cc_num", "happened_at", "channel", "merchant", "mcc")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label: is_fraud", "", "missing required field `label`"),
        ("unit: iso", "unit: days", "Invalid enum value 'days' - at `$.time.unit`"),
        ("risk: numeric", "is_fraud: numeric", "column is_fraud is described twice"),
        ("risk: numeric", "happened_at: categorical", "column happened_at is described twice"),
        ("label:", "lable:", "unknown field `lable`"),
        ("ccy}", "EURO", "own.yaml: "),
        ("features:", "features: {}\nother:", "own.yaml: "),
    ],
)
def test_an_invalid_description_is_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    """An invalid description causes a one-line error that names the file and the field."""
    path = tmp_path / "own.yaml"
    path.write_text(YAML.replace(old, new))
    with pytest.raises(DataError) as caught:
        read_description(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A missing file causes a one-line error that names the file."""
    with pytest.raises(DataError, match=r"gone\.yaml cannot be read"):
        read_feature_set(tmp_path / "gone.yaml")


def test_raw_time_cannot_be_a_feature(tmp_path: Path) -> None:
    """A feature set that names the time column is rejected."""
    path = tmp_path / "features.yaml"
    path.write_text("derived: [amount_minor, time]")
    with pytest.raises(DataError, match="Invalid enum value 'time'"):
        read_feature_set(path)
