"""The data report is one self-contained file, for any data."""

import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from schemas.errors import DataError
from tests.training.eda.rows import make_rows
from tests.training.frames import ROWS, make_frame
from training.cli import cli
from training.data.dataset import load
from training.data.description import ULB
from training.eda.column_sections import PLOTTED
from training.eda.report import STEPS, make_report, run_eda
from training.registry.connection import connect
from training.registry.experiment import BASELINE_EXPERIMENT, MlflowExperiment

SECTIONS = ("overview", "balance", "missing", "distributions", "correlations", "hour-amount", "duplicates", "drift")
RANDOM = np.random.default_rng(0)


class Reader(HTMLParser):
    """Parser that records the open elements, the attributes and the text of a page."""

    VOID = ("meta", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element that stays open until its end tag."""
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a self-closing element, as in SVG."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Check that elements are closed in reverse order."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect the text of the page."""
        self.text += data


def read(html: str) -> Reader:
    """Parse a page and check that its elements are balanced and that it runs no script and fetches nothing."""
    page = Reader(html)
    assert page.open == []
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "image"}
    for _, attributes in page.elements:
        assert not {"src", "onload", "onclick"} & set(attributes)
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "url(" not in html.replace("url(#", "")
    ids = [attributes["id"] for tag, attributes in page.elements if tag == "h2"]
    assert tuple(ids) == SECTIONS
    assert "nan" not in page.text.lower().split()
    return page


@pytest.fixture(scope="module")
def mlflow(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[MlflowExperiment, MlflowClient]:
    """MLflow experiment and client for the tests in this module."""
    root = tmp_path_factory.mktemp("mlflow")
    shutil.copy(empty_mlflow, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connection = connect(root)
        return MlflowExperiment(connection, BASELINE_EXPERIMENT), connection.client


def test_the_page_has_all_sections_and_is_logged_to_mlflow(
    tmp_path: Path, mlflow: tuple[MlflowExperiment, MlflowClient]
) -> None:
    """The page plots every column, follows light and dark mode, and fits a phone."""
    data, out, steps = tmp_path / "data.parquet", tmp_path / "made" / "eda.html", list[str]()
    make_frame().write_parquet(data)
    experiment, client = mlflow
    report = run_eda(str(data), ULB, out, experiment, steps.append)
    assert len(steps) == STEPS
    html = out.read_text(encoding="utf-8")
    assert html == report.html
    page = read(html)
    assert sum(tag == "svg" for tag, _ in page.elements) >= 29 + 6
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html
    assert "var(--fraud)" in html
    assert not re.search(r"#0101\d\d", html), "a placeholder colour was not replaced by a variable of the page"
    for expected in (f"{ROWS:,}", "SHA-256", "PSI = Σ (c - r) · ln(c / r)", "KS = sup", "All 29 columns are complete"):
        assert expected in page.text
    [run] = _runs(client)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["rows"] == ROWS
    assert [each.path for each in client.list_artifacts(run.info.run_id, "eda")] == ["eda/eda.html"]


def test_markup_in_names_is_escaped() -> None:
    """Column names, levels and the file name are escaped, and a `$` does not start a formula."""
    names = ["<script>alert(1)</script>", 'a "b" & c', "$x^2$ and $", "</svg><b>"]
    columns = {name: RANDOM.normal(size=400) for name in names}
    levels = ["<i>x</i>", "'\"", "日本", ""]
    rows = make_rows({**columns, "</td>": [levels[i % 4] for i in range(400)]})
    page = read(make_report(rows, "<data>.csv").html)
    assert all(text in page.text for text in (*names, *levels, "</td>", "<data>.csv"))


def test_text_columns_and_missing_values_are_shown() -> None:
    """Empty and constant columns are listed as findings and not plotted."""
    n = 600
    rows = make_rows(
        {
            "country": [("DE", "FR", None)[i % 3] for i in range(n)],
            "empty": pl.Series([None] * n, dtype=pl.Float64),
            "nothing": pl.Series([None] * n, dtype=pl.String),
            "constant": np.ones(n),
            "x": RANDOM.normal(size=n),
        }
    )
    report = make_report(rows, "mine.csv")
    page = read(report.html)
    assert "3 of 6 columns have missing values" in page.text
    assert "33.33%" in page.text
    findings = "\n".join(finding.text for finding in report.findings)
    assert "Leave out columns without any value: empty, nothing." in findings
    assert "Leave out columns with a single value: constant." in findings


@pytest.mark.parametrize("days", [0.0, 1 / 86_400, 1.0, 400.0], ids=["a moment", "a second", "a day", "a year"])
def test_data_over_any_time_span_have_a_page(days: float) -> None:
    """If the data cover less than a week, a finding says not to use the hour of the day as a feature."""
    report = make_report(make_rows({"x": RANDOM.normal(size=300)}, days=days), "short.csv")
    read(report.html)
    assert any("hour of the day" in finding.text for finding in report.findings) == (days < 7)


def test_a_part_without_frauds_is_a_finding() -> None:
    """A split without frauds, which training rejects, is a finding that needs action."""
    label = (np.arange(500) < 20).astype(np.int8)
    report = make_report(make_rows({"x": RANDOM.normal(size=500)}, label), "early.csv")
    read(report.html)
    actions = [finding.text for finding in report.findings if finding.needs_action]
    assert any(text.startswith("The test data have 0 frauds in 100 rows") for text in actions)


@pytest.mark.parametrize("label", [0, 1])
def test_data_of_a_single_class_have_a_page(label: int) -> None:
    """The report works for data that contain only one class."""
    read(make_report(make_rows({"x": RANDOM.normal(size=50)}, np.full(50, label, dtype=np.int8)), "one.csv").html)


def test_a_handful_of_rows_have_a_page() -> None:
    """The report works for a handful of rows, or even a single row, although some splits are then empty."""
    for n in (1, 2, 3, 7):
        read(make_report(make_rows({"x": RANDOM.normal(size=n), "c": ["a"] * n}), "few.csv").html)


def test_hundreds_of_columns_stay_readable() -> None:
    """The columns that separate best are plotted, the table lists all columns, and correlated pairs are findings."""
    columns = {f"x{i:03}": RANDOM.normal(size=300) for i in range(150)}
    columns["twin"] = 2 * columns["x042"]
    report = make_report(make_rows(columns), "wide.csv")
    page = read(report.html)
    assert f"{PLOTTED} of 152 columns are plotted" in page.text
    assert all(name in page.text for name in columns)
    assert any("x042 and twin" in finding.text for finding in report.findings)
    assert len(report.html) < 3_000_000


def test_the_same_data_give_the_same_page() -> None:
    """Pages of the same data differ only in the date in the footer, so they can be compared."""
    columns = {"x": RANDOM.normal(size=200), "c": ["a", "b"] * 100}
    first, second = (re.sub(r"<footer>.*", "", make_report(make_rows(columns), "d.csv").html) for _ in range(2))
    assert first == second


def test_duplicates_are_counted_by_kind(frame: pl.DataFrame, save: Callable[[pl.DataFrame], Path]) -> None:
    """Rows that are equal in every column and rows that differ only in time are counted separately."""
    twice = pl.concat([frame, frame.head(3), frame.head(2).with_columns(Time=frame["Time"].max())])
    report = make_report(load(save(twice)), "twice.parquet")
    findings = "\n".join(finding.text for finding in report.findings)
    assert "3 rows repeat an earlier row in every column" in findings
    assert "2 validation and test rows have the same amount and features as a training row" in findings


def test_a_page_that_cannot_be_written_is_an_error(
    frame: pl.DataFrame, save: Callable[[pl.DataFrame], Path], mlflow: tuple[MlflowExperiment, MlflowClient]
) -> None:
    """If the page cannot be written, MLflow gets no run."""
    path, (experiment, client) = save(frame), mlflow
    before = len(_runs(client))
    with pytest.raises(DataError, match="cannot write to"):
        run_eda(str(path), ULB, path / "eda.html", experiment, lambda _: None)
    assert len(_runs(client)) == before


def test_the_command_prints_the_findings(frame: pl.DataFrame, save: Callable[[pl.DataFrame], Path]) -> None:
    """The command prints one finding per line, then the path of the page."""
    data = save(frame)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(data.parent)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        done = CliRunner().invoke(cli, ["eda", "--data", str(data)])
    assert done.exit_code == 0, done.output
    assert "- The data cover 0.0 days." in done.stdout
    assert done.stdout.splitlines()[-1].startswith("var/eda.html, in ")
    read((data.parent / "var" / "eda.html").read_text(encoding="utf-8"))


def _runs(client: MlflowClient) -> list[Run]:
    return list(client.search_runs([each.experiment_id for each in client.search_experiments()]))
