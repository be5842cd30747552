"""`fraud-train validate` prints each check, writes its report, and exits with 0, 1 or 2."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from schemas.manifest import MODEL_NAME
from tests.training.validation.models import YAML, make_bundle, make_costly
from tests.training.validation.test_thresholds import BUILT_IN
from training.cli import main

# The command connects to MLflow.
pytestmark = pytest.mark.integration

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    rows: pl.DataFrame,
    empty_mlflow: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Run:
    """Validate a bundle in a directory with labelled data, their description and thresholds that need no card."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "FRAUD_BUNDLE_STORE", "FRAUD_ARCHIVE_URL"):
        monkeypatch.delenv(name, raising=False)
    Path("var").mkdir()
    shutil.copy(empty_mlflow, "var")
    rows.write_csv("mine.csv")
    Path("mine.yaml").write_text(YAML)
    limits = yaml.safe_load(BUILT_IN)
    limits["required"]["validate"] = ["audit", "parity", "calibration", "size"]
    Path("limits.yaml").write_text(yaml.safe_dump(limits))
    own = ("--data", "mine.csv", "--description", "mine.yaml", "--thresholds", "limits.yaml")

    def call(*arguments: str, defaults: tuple[str, ...] = own) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["fraud-train", "validate", *arguments, *defaults])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return call


def stored(path: str = "var/validation.json") -> Any:
    """Return the JSON beside the page."""
    return json.loads(Path(path).read_text())


def test_a_good_bundle_exits_with_0(run: Run, tmp_path: Path) -> None:
    """Every check is printed with its outcome, and page and JSON contain the same."""
    champion, candidate = make_bundle(tmp_path / "a"), make_bundle(tmp_path / "b", weights=(1.02, 1.0, 0.98))
    code, out, err = run(str(candidate), "--champion", str(champion))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [tuple(line.split()[:2]) for line in lines[:4]] == [
        ("passed", "audit"),
        ("passed", "parity"),
        ("passed", "calibration"),
        ("passed", "slices"),
    ]
    assert lines[4].startswith("not checked  drift        there is no archive at var/archive")
    assert lines[7].startswith("not checked  card         MLflow has no run 'none'")
    assert lines[-2:] == ["passed       fraud/1", "var/validation.html and var/validation.json"]
    assert stored()["passed"] is True
    assert Path("var/validation.html").read_text().startswith("<!doctype html>")


def test_a_bad_bundle_exits_with_1_and_one_line(run: Run, tmp_path: Path) -> None:
    """A model that hides the frauds of two channels fails; the reason is one line, and the report is written."""
    champion, candidate = make_bundle(tmp_path / "a"), make_bundle(tmp_path / "b", channel=-6.0, bias=-3.1)
    code, out, err = run(str(candidate), "--champion", str(champion), "--out", "bad.html")
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith("fraud-train: fraud/1 does not pass its validation: ")
    assert "recall in slice “channel: web” is 0.00%" in line
    assert "failed       slices" in out
    assert stored("bad.json")["reason"] in line


def test_a_tampered_bundle_exits_with_1(run: Run, tmp_path: Path) -> None:
    """The report is written for a bundle that nothing can be read from, too."""
    bundle = make_bundle(tmp_path / "a")
    (bundle / MODEL_NAME).write_bytes(b"something else")
    code, out, err = run(str(bundle))
    assert code == 1
    assert "audit: model.onnx does not have the SHA-256" in err
    assert out.splitlines()[1].startswith("not checked  parity       the bundle does not pass its audit")
    assert stored()["report"]["checks"][0]["outcome"] == "failed"


def test_a_costly_bundle_exits_with_1(run: Run, tmp_path: Path) -> None:
    """The cost is compared with the champion's on this machine."""
    champion, candidate = make_bundle(tmp_path / "a"), make_bundle(tmp_path / "b")
    make_costly(candidate)
    code, _, err = run(str(candidate), "--champion", str(champion))
    assert code == 1
    assert " times the champion's cost, more than 3 times" in err


def test_without_a_card_the_default_thresholds_fail(run: Run, tmp_path: Path) -> None:
    """A required check that could not run is named with its reason."""
    own = ("--data", "mine.csv", "--description", "mine.yaml")
    code, _, err = run(str(make_bundle(tmp_path / "a")), defaults=own)
    assert code == 1
    assert "card was not checked (MLflow has no run 'none'" in err


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: None, "mine.csv does not exist"),
        (lambda _: "", "mine.csv is empty"),
        (lambda frame: frame.head(0).write_csv(), "mine.csv has no rows"),
        (lambda frame: frame.drop("V2").write_csv(), "mine.csv has no column V2"),
        (lambda frame: frame.drop("fraud").write_csv(), "mine.csv has no column fraud"),
        (lambda frame: frame.with_columns(fraud=pl.lit(2)).write_csv(), "fraud is not 0 (legitimate) or 1 (fraud)"),
        (lambda frame: frame.with_columns(fraud=pl.lit(0)).write_csv(), "fraud is the same in every row"),
        (lambda frame: frame.with_columns(V1=pl.lit("x")).write_csv(), "V1 is not a finite number"),
    ],
)
def test_data_that_cannot_be_used_exit_with_2(
    run: Run, rows: pl.DataFrame, tmp_path: Path, change: Callable[[pl.DataFrame], str | None], expected: str
) -> None:
    """A missing, empty or wrong file is a one-line error with its own code, and no report is written."""
    text = change(rows)
    Path("mine.csv").unlink() if text is None else Path("mine.csv").write_text(text)
    code, out, err = run(str(make_bundle(tmp_path / "a")))
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert expected in line
    assert not Path("var/validation.html").exists()


def test_a_description_without_a_feature_exits_with_2(run: Run, tmp_path: Path) -> None:
    """Data that are described without a feature of the model cannot judge it."""
    Path("mine.yaml").write_text(YAML.replace(", channel: categorical", ""))
    code, _, err = run(str(make_bundle(tmp_path / "a")))
    assert code == 2
    assert "the model needs the categorical feature channel; add it to the data description" in err


def test_data_with_few_frauds_exit_with_1(run: Run, rows: pl.DataFrame, tmp_path: Path) -> None:
    """The file can be used, but nothing can be said about calibration, which is required."""
    rows.with_columns(fraud=(pl.int_range(pl.len()) < 5).cast(pl.Int8)).write_csv("mine.csv")
    code, _, err = run(str(make_bundle(tmp_path / "a")))
    assert code == 1
    assert "calibration was not checked (20,000 transactions have 5 frauds; 20 are needed)" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("9",), "fraud has no version or alias '9'"),
        (("fraud/9",), "bundle fraud/9 cannot be read"),
        (("bundle", "--champion", "fraud/9"), "bundle fraud/9 cannot be read"),
        (("bundle", "--thresholds", "gone.yaml"), "gone.yaml cannot be read"),
    ],
)
def test_what_does_not_exist_is_a_one_line_error(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    """A version, bundle or thresholds file that does not exist is named in one line."""
    make_bundle(tmp_path)
    code, _, err = run(*arguments, defaults=("--data", "mine.csv", "--description", "mine.yaml"))
    assert code == 1
    (line,) = err.splitlines()
    assert expected in line
