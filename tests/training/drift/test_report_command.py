"""`fraud-train drift-report`: a page, JSON lines, and one line for what cannot be used."""

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
from training.drift.read import read_model

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
    """A folder with a bundle store, a description, and a file without labels and without what no model takes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRAUD_DRIFT_WINDOW_ROWS", "500")
    put_bundle(tmp_path / "var" / "bundles", reference=True)
    (tmp_path / "mine.yaml").write_text(YAML)
    made_file().write_csv("mine.csv")
    return tmp_path


def made_file() -> pl.DataFrame:
    """V1 stuck at missing, the rest as the bundle's reference has it."""
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
    """Run the command on the file."""
    return CliRunner().invoke(cli, ["drift-report", *arguments], catch_exceptions=False)


def test_the_page_says_what_alarms(here: Path) -> None:
    """In words, with a table of all columns, plots, and nothing that is fetched from elsewhere."""
    done = run("mine.csv", "--description", "mine.yaml", "--bundle", "fraud/1", "--out", "drift.html")
    assert done.exit_code == 0
    assert "! V1: page in window 2; PSI up to" in done.stdout
    html = (here / "drift.html").read_text()
    assert not re.search(r'(src|href)="(?!#)', html)
    assert "<script" not in html
    for name in ("V1", "V2", "V3", "Amount"):
        assert f'<td class="t">{name}</td>' in html
    assert html.count("<svg") >= 4 * 3 + 5
    assert "200" in html  # rows that fill no window


def test_reports_as_json_lines_are_those_of_the_topic(here: Path) -> None:
    """One a window, readable as what the live watch writes."""
    lines = run("mine.csv", "--description", "mine.yaml", "--bundle", "fraud/1", "--json").stdout.splitlines()
    reports = [msgspec.json.decode(line, type=DriftReport) for line in lines]
    assert [(report.number, report.rows, report.version) for report in reports] == [(1, 500, "1"), (2, 500, "1")]
    assert [report.features["V1"].state for report in reports] == ["high", "page"]
    assert [report.features["V1"].missing for report in reports] == [1.0, 1.0]
    assert (here / "var" / "drift.html").is_file()


def test_a_bundle_is_a_folder_a_url_a_path_in_the_store_or_a_version(here: Path) -> None:
    """Whichever way, it is audited and is the same one."""
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


def test_fewer_rows_than_a_window_make_a_page_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is missing."""
    monkeypatch.setenv("FRAUD_DRIFT_WINDOW_ROWS", "5000")
    done = run("mine.csv", "--description", "mine.yaml", "--bundle", "fraud/1", "--out", "drift.html")
    assert done.exit_code == 0
    assert "No window is full. 1,200 transactions were counted, a window needs 5,000" in done.stdout
    assert "No window is full" in (here / "drift.html").read_text()


def test_a_bundle_without_reference_is_unknown_in_every_column(here: Path) -> None:
    """Nothing is judged, and that is said."""
    put_bundle(here / "var" / "bundles", "2")
    done = run("mine.csv", "--description", "mine.yaml", "--bundle", "fraud/2", "--out", "drift.html")
    assert "- Nothing to judge by for V1, V2, V3, Amount, score" in done.stdout
    assert "<td" in (here / "drift.html").read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is not there"),
        ("", "is empty"),
        ("when,Amount,V1,V2,V3\n", "has no rows"),
        ("when,Amount,V1,V2\n1,2,3,4\n", "has no column V3"),
        ("when,Amount,V1,V2,V3\n1,2,3,4,five\n", "V3 is not a finite number in 1 row, first in row 0"),
        ("when,Amount,V1,V2,V3\n1,-2,3,4,5\n", "Amount is less than 0"),
        ("when,Amount,V1,V2,V3\n1,2,3,4,5\n1,2", "is cut off"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    """Exit code 2, and no page."""
    if content is not None:
        (here / "bad.csv").write_text(content)
    arguments = ["fraud-train", "drift-report", "bad.csv", "--description", "mine.yaml", "--bundle", "fraud/1"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (here / "var" / "drift.html").exists()


def test_a_bundle_that_is_not_there_is_told_in_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1: the file may be good."""
    arguments = ["fraud-train", "drift-report", str(here / "mine.csv"), "--bundle", "fraud/8"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "bundle fraud/8 cannot be read" in capsys.readouterr().err
