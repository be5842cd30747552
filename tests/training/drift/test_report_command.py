"""`fraud-train drift-report` writes an HTML page or JSON lines, and a one-line error for each bad input."""

import re
import shutil
from pathlib import Path

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner, Result

from schemas.messages import BundleRef, DriftReport
from stream.models.bundle_store import BundleStore
from tests.support.bundles import put_bundle
from training.cli import cli, main
from training.drift.inputs import read_model

# The command imports matplotlib when it runs.
pytestmark = pytest.mark.integration

ROWS = 1200
YAML = """
time: {column: when, unit: ms}
label: fraud
amount: {column: Amount, unit: minor}
currency: EUR
features: {V1: numeric, V2: numeric, V3: numeric, further: numeric}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a bundle store, a description, and a file without labels or unused features."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRAUD_DRIFT_WINDOW_ROWS", "500")
    put_bundle(tmp_path / "var" / "bundles", reference=True)
    (tmp_path / "mine.yaml").write_text(YAML)
    made_file().write_csv("mine.csv")
    return tmp_path


def made_file() -> pl.DataFrame:
    """Return rows in which V1 is always missing and the other columns follow the bundle's reference."""
    random = pl.Series(range(ROWS)).sample(ROWS, shuffle=True, seed=1) / ROWS
    return pl.DataFrame(
        {
            "when": pl.Series([1_772_323_200_000 + 1000 * i for i in range(ROWS)]),
            "Amount": (random * 99_000).cast(pl.Int64) + 1,
            "V1": pl.Series([None] * ROWS, dtype=pl.Float64),
            "V2": random.shuffle(seed=2) * 4 - 2,
            "V3": random.shuffle(seed=3) * 4 - 2,
        }
    )


def run(*arguments: str) -> Result:
    """Run the command with the given arguments."""
    return CliRunner().invoke(cli, ["drift-report", *arguments], catch_exceptions=False)


def test_the_page_shows_the_alarms(here: Path) -> None:
    """The page has findings, a table of all columns and plots, and loads nothing."""
    done = run("mine.csv", "--description", "mine.yaml", "--bundle", "fraud/1", "--out", "drift.html")
    assert done.exit_code == 0
    assert "! V1 has drifted (worst state: page) in window 2, with a PSI of up to" in done.stdout
    html = (here / "drift.html").read_text()
    assert not re.search(r'(src|href)="(?!#)', html)
    assert "<script" not in html
    for name in ("V1", "V2", "V3", "Amount"):
        assert f'<td class="t">{name}</td>' in html
    assert html.count("<svg") >= 4 * 3 + 5
    assert "200" in html  # rows after the last full window


def test_json_lines_are_reports_as_on_the_topic(here: Path) -> None:
    """There is one line per window, in the format of the live drift monitor."""
    lines = run("mine.csv", "--description", "mine.yaml", "--bundle", "fraud/1", "--json").stdout.splitlines()
    reports = [msgspec.json.decode(line, type=DriftReport) for line in lines]
    assert [(report.number, report.rows, report.version) for report in reports] == [(1, 500, "1"), (2, 500, "1")]
    assert [report.features["V1"].state for report in reports] == ["high", "page"]
    assert [report.features["V1"].missing for report in reports] == [1.0, 1.0]
    assert (here / "var" / "drift.html").is_file()


def test_a_bundle_can_be_a_folder_a_url_a_path_in_the_store_or_a_version(here: Path) -> None:
    """The command accepts each form of --bundle, and reads and audits the bundle."""
    store = BundleStore(str(here / "var" / "bundles"))
    ref = put_bundle(here / "elsewhere" / "store", "7")
    shutil.copytree(here / "elsewhere" / "store" / "fraud" / "7", here / "folder")

    def find(version: str) -> BundleRef:
        assert version == "champion"
        return put_bundle(here / "var" / "bundles", "9")

    for which in ("folder", "./folder/", f"file://{here}/folder"):
        assert read_model(which, store, find).sha256 == ref.sha256
    assert read_model("fraud/1", store, find).manifest.version == "1"
    assert read_model("champion", store, find).manifest.version == "9"


def test_fewer_rows_than_a_window_still_give_a_page(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says how many transactions a window needs."""
    monkeypatch.setenv("FRAUD_DRIFT_WINDOW_ROWS", "5000")
    done = run("mine.csv", "--description", "mine.yaml", "--bundle", "fraud/1", "--out", "drift.html")
    assert done.exit_code == 0
    assert "No window is complete: the file has 1,200 transactions, but a window needs 5,000" in done.stdout
    assert "No window is complete" in (here / "drift.html").read_text()


def test_columns_without_a_reference_are_not_judged(here: Path) -> None:
    """A finding lists the columns that have no reference."""
    put_bundle(here / "var" / "bundles", "2")
    done = run("mine.csv", "--description", "mine.yaml", "--bundle", "fraud/2", "--out", "drift.html")
    assert "- Not judged: V1, V2, V3, Amount, score." in done.stdout
    assert "<td" in (here / "drift.html").read_text()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ("when,Amount,V1,V2,V3\n", "has no rows"),
        ("when,Amount,V1,V2\n1,2,3,4\n", "has no column V3"),
        ("when,Amount,V1,V2,V3\n1,2,3,4,five\n", "V3 is not a finite number in 1 row, first in row 0"),
        ("when,Amount,V1,V2,V3\n1,-2,3,4,5\n", "Amount is less than 0"),
        ("when,Amount,V1,V2,V3\n1,2,3,4,5\n1,2", "ends in the middle of a line"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_one_line_error(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str | None, expected: str
) -> None:
    """A file that cannot be used gives a one-line error and exit code 2, and no page is written."""
    if content is not None:
        (here / "bad.csv").write_text(content)
    arguments = ["fraud-train", "drift-report", "bad.csv", "--description", "mine.yaml", "--bundle", "fraud/1"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line
    assert not (here / "var" / "drift.html").exists()


def test_a_missing_bundle_is_a_one_line_error(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing bundle gives a one-line error and exit code 1, because the file itself may be usable."""
    arguments = ["fraud-train", "drift-report", str(here / "mine.csv"), "--bundle", "fraud/8"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "bundle fraud/8 cannot be read" in capsys.readouterr().err
