"""The page says what there is, in one file, and takes whatever data there are."""

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
from tests.training.conftest import ROWS, make_frame
from tests.training.eda.rows import make_rows
from training.commands.eda import eda
from training.data.dataset import load
from training.data.description import ULB
from training.eda.column_sections import DRAWN
from training.eda.report import STEPS, look_at, run_eda
from training.registry.tracking import Tracker

SECTIONS = ("overview", "balance", "missing", "distributions", "correlations", "hour-amount", "duplicates", "drift")
RANDOM = np.random.default_rng(0)


class Reader(HTMLParser):
    """What a browser finds: elements that are open, attributes, and text."""

    VOID = ("meta", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself, as in SVG."""
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """What was opened last is closed first."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Gather text."""
        self.text += data


def read(html: str) -> Reader:
    """Read a page and hold what every page must keep."""
    page = Reader(html)
    assert page.open == []
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "link", "img", "iframe", "object", "image"}
    for _, attributes in page.seen:
        assert not {"src", "onload", "onclick"} & set(attributes)
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "url(" not in html.replace("url(#", "")
    ids = [attributes["id"] for tag, attributes in page.seen if tag == "h2"]
    assert tuple(ids) == SECTIONS
    assert "nan" not in page.text.lower().split()
    return page


@pytest.fixture(scope="module")
def mlflow(empty_mlflow: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tracker, MlflowClient]:
    """An MLflow of this module's own."""
    root = tmp_path_factory.mktemp("mlflow")
    shutil.copy(empty_mlflow, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return Tracker(root), MlflowClient(f"sqlite:///{root / 'mlflow.db'}")


def test_the_page_of_ordinary_data_has_everything(tmp_path: Path, mlflow: tuple[Tracker, MlflowClient]) -> None:
    """Sections, a plot of every column, colours of the page in both schemes, a phone's width; in MLflow too."""
    data, out, told = tmp_path / "data.parquet", tmp_path / "made" / "eda.html", list[str]()
    make_frame().write_parquet(data)
    tracker, client = mlflow
    look = run_eda(str(data), ULB, out, tracker, told.append)
    assert len(told) == STEPS
    html = out.read_text(encoding="utf-8")
    assert html == look.html
    page = read(html)
    assert sum(tag == "svg" for tag, _ in page.seen) >= 29 + 6
    assert "prefers-color-scheme:dark" in html
    assert "width=device-width" in html
    assert "var(--fraud)" in html
    assert not re.search(r"#0101\d\d", html), "a colour that only stands for one of the page's"
    for expected in (f"{ROWS:,}", "SHA-256", "PSI = Σ (c - r) · ln(c / r)", "KS = sup", "Every one of the 29 columns"):
        assert expected in page.text
    [run] = _runs(client)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["rows"] == ROWS
    assert [each.path for each in client.list_artifacts(run.info.run_id, "eda")] == ["eda/eda.html"]


def test_names_with_markup_are_text() -> None:
    """In names of columns, in levels and in the file's name; `$` begins no formula."""
    names = ["<script>alert(1)</script>", 'a "b" & c', "$x^2$ and $", "</svg><b>"]
    columns = {name: RANDOM.normal(size=400) for name in names}
    levels = ["<i>x</i>", "'\"", "日本", ""]
    rows = make_rows({**columns, "</td>": [levels[i % 4] for i in range(400)]})
    page = read(look_at(rows, "<data>.csv").html)
    assert all(text in page.text for text in (*names, *levels, "</td>", "<data>.csv"))


def test_strings_and_missing_values_are_shown_by_level_part_and_class() -> None:
    """Also where a column is empty or holds one value only; neither is drawn."""
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
    look = look_at(rows, "mine.csv")
    page = read(look.html)
    assert "3 of 6 columns lack values" in page.text
    assert "33.33%" in page.text
    found = "\n".join(finding.text for finding in look.findings)
    assert "No value in any row, to be left out: empty, nothing." in found
    assert "The same value in all rows that have one, to be left out: constant." in found


@pytest.mark.parametrize("days", [0.0, 1 / 86_400, 1.0, 400.0], ids=["a moment", "a second", "a day", "a year"])
def test_any_span_of_time_has_a_page(days: float) -> None:
    """Below a week it says that hours cannot be learnt."""
    look = look_at(make_rows({"x": RANDOM.normal(size=300)}, days=days), "short.csv")
    read(look.html)
    assert any("hour of the day" in finding.text for finding in look.findings) == (days < 7)


def test_a_part_without_frauds_is_said_and_not_stumbled_over() -> None:
    """Training would refuse these data; here one sees why."""
    label = (np.arange(500) < 20).astype(np.int8)
    look = look_at(make_rows({"x": RANDOM.normal(size=500)}, label), "early.csv")
    read(look.html)
    act = [finding.text for finding in look.findings if finding.act]
    assert any(text.startswith("The test part has 0 frauds in 100 rows") for text in act)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_a_page(label: int) -> None:
    """Nothing to compare, nothing that fails."""
    read(look_at(make_rows({"x": RANDOM.normal(size=50)}, np.full(50, label, dtype=np.int8)), "one.csv").html)


def test_a_handful_of_rows_has_a_page() -> None:
    """Even one row, which leaves parts empty."""
    for n in (1, 2, 3, 7):
        read(look_at(make_rows({"x": RANDOM.normal(size=n), "c": ["a"] * n}), "few.csv").html)


def test_hundreds_of_columns_stay_readable() -> None:
    """So many are drawn, the table names all, and the map of correlations shows those that matter."""
    columns = {f"x{i:03}": RANDOM.normal(size=300) for i in range(150)}
    columns["twin"] = 2 * columns["x042"]
    look = look_at(make_rows(columns), "wide.csv")
    page = read(look.html)
    assert f"{DRAWN} of 152 columns are drawn" in page.text
    assert all(name in page.text for name in columns)
    assert any("x042 and twin" in finding.text for finding in look.findings)
    assert len(look.html) < 3_000_000


def test_the_same_data_give_the_same_page() -> None:
    """But for the minute at its foot: pages can be compared."""
    columns = {"x": RANDOM.normal(size=200), "c": ["a", "b"] * 100}
    first, second = (re.sub(r"<footer>.*", "", look_at(make_rows(columns), "d.csv").html) for _ in range(2))
    assert first == second


def test_duplicates_are_counted_in_every_sense(frame: pl.DataFrame, save: Callable[[pl.DataFrame], Path]) -> None:
    """From a file: rows equal in all, and rows equal in all but the time."""
    twice = pl.concat([frame, frame.head(3), frame.head(2).with_columns(Time=frame["Time"].max())])
    look = look_at(load(save(twice)), "twice.parquet")
    found = "\n".join(finding.text for finding in look.findings)
    assert "3 rows repeat an earlier row in every column" in found
    assert "2 validation and test rows equal a train row in all but the time" in found


def test_a_page_that_cannot_be_written_is_one_line(
    frame: pl.DataFrame, save: Callable[[pl.DataFrame], Path], mlflow: tuple[Tracker, MlflowClient]
) -> None:
    """And MLflow has no run of it."""
    path, (tracker, client) = save(frame), mlflow
    before = len(_runs(client))
    with pytest.raises(DataError, match="cannot be written"):
        run_eda(str(path), ULB, path / "eda.html", tracker, lambda _: None)
    assert len(_runs(client)) == before


def test_the_command_prints_what_stands_out(frame: pl.DataFrame, save: Callable[[pl.DataFrame], Path]) -> None:
    """One finding a line, then where the page is."""
    data = save(frame)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(data.parent)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        done = CliRunner().invoke(eda, ["--data", str(data)])
    assert done.exit_code == 0, done.output
    assert "- The data cover 0.0 days." in done.stdout
    assert done.stdout.splitlines()[-1].startswith("var/eda.html, in ")
    read((data.parent / "var" / "eda.html").read_text(encoding="utf-8"))


def _runs(client: MlflowClient) -> list[Run]:
    return list(client.search_runs([each.experiment_id for each in client.search_experiments()]))
