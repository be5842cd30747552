"""Make the data report on a data file: an HTML page that is written to disk and logged to MLflow."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from training.data.dataset import load
from training.data.description import DataDescription
from training.eda import column_sections, row_sections
from training.eda.columns import describe_columns
from training.eda.correlations import correlate
from training.eda.duplicates import count_duplicates
from training.eda.findings import list_findings
from training.eda.groups import DAY_MS
from training.eda.rows import PARTS, Rows, parts_of
from training.pages.elements import Finding
from training.pages.render import render_page, write_page
from training.registry.experiment import MlflowExperiment
from training.registry.lineage import code_version

Report = Callable[[str], None]
#: Number of steps that `run_eda` reports, for a progress bar.
STEPS = 4
_RUN = "eda"
_FILE = "eda.html"
_NO_FINDING = Finding(needs_action=False, text="Nothing stands out.")
_SECTIONS = (
    ("overview", "Overview"),
    ("balance", "Class balance"),
    ("missing", "Missing values"),
    ("distributions", "Distributions"),
    ("correlations", "Correlations"),
    ("hour-amount", "Hour and amount"),
    ("duplicates", "Duplicates"),
    ("drift", "Drift"),
)


@dataclass(frozen=True)
class DataReport:
    """The report on a data set.

    Attributes:
        html: The report as an HTML page.
        findings: Findings; those that need action come first.
        figures: Metrics for MLflow, by name.
    """

    html: str
    findings: tuple[Finding, ...]
    figures: dict[str, float]


def run_eda(
    data: str, description: DataDescription, out: Path, experiment: MlflowExperiment, report: Report
) -> DataReport:
    """Analyse a data file, write the page to `out` and log it as the artifact of an MLflow run.

    Args:
        data: Path or fsspec URL of a Parquet or CSV file.
        description: Meaning of the file's columns.
        out: HTML file to write; an existing file is replaced in one step.
        experiment: MLflow experiment of the run.
        report: Function that is called with the name of each step, for a progress display.

    Raises:
        DataError: If the data cannot be used or the page cannot be written.
        RegistryError: If MLflow is unavailable or rejects the request; the page has been written by then.
    """
    report("read the data")
    rows = load(data, description)
    name = data.rpartition("/")[2]
    report(f"analyse {len(rows.label):,} rows")
    data_report = make_report(rows, name)
    report("write the page")
    write_page(data_report.html, out)
    report("log it to MLflow")
    with experiment.run(_RUN, {"data_sha256": rows.sha256, "kind": _RUN} | code_version()) as run:
        run.log_params({"data": name})
        run.log_metrics(data_report.figures)
        with tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / _FILE).write_text(data_report.html, encoding="utf-8")
            run.log_files(Path(scratch), _RUN)
    return data_report


def make_report(rows: Rows, source: str) -> DataReport:
    """Analyse rows and render the page.

    Args:
        rows: Rows to analyse, at least one. Unlike training, the report accepts a split without frauds.
        source: Name of the data, shown in the title.
    """
    part = parts_of(rows.event_time_ms)
    facts = list(describe_columns(rows, part))
    correlations, duplicates = correlate(rows), count_duplicates(rows, part)
    part_rows = np.bincount(part, minlength=len(PARTS))
    part_frauds = np.bincount(part[rows.label == 1], minlength=len(PARTS))
    first_ms, last_ms = int(rows.event_time_ms[0]), int(rows.event_time_ms[-1])
    findings = list_findings(
        span_ms=last_ms - first_ms,
        part_rows=part_rows,
        part_frauds=part_frauds,
        facts=facts,
        duplicates=duplicates,
        correlations=correlations,
    )
    n, frauds, days = len(rows.label), int(part_frauds.sum()), (last_ms - first_ms) / DAY_MS
    tiles = (
        ("transactions", f"{n:,}"),
        ("frauds", f"{frauds:,}"),
        ("fraud rate", f"{frauds / n:.3%}"),
        ("days", f"{days:.1f}"),
        ("columns", f"{len(facts):,}"),
        ("duplicate rows", f"{duplicates.repeats:,}"),
    )
    identity = (
        ("data", source),
        ("SHA-256", rows.sha256),
        ("first transaction (UTC)", _date_and_time(first_ms)),
        ("last transaction (UTC)", _date_and_time(last_ms)),
        ("split", ", ".join(f"{name} {count:,}" for name, count in zip(PARTS, part_rows.tolist(), strict=True))),
    )
    html = render_page(
        "eda.html.j2",
        title=f"Data report: {source}",
        lead=f"{n:,} transactions over {days:.1f} days, {frauds:,} of them frauds, split by time.",
        sections=_SECTIONS,
        overview={"tiles": tiles, "identity": identity, "findings": findings or [_NO_FINDING]},
        balance=row_sections.class_balance(rows, part),
        missing=column_sections.missing(facts, rows, part),
        distributions=column_sections.distributions(facts),
        correlations=column_sections.correlations(correlations),
        hours=row_sections.hour_and_amount(rows),
        duplicates=row_sections.duplicates(duplicates, n),
        drift=column_sections.drift(facts),
        footer=f"Generated by fraud-train eda, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
    )
    figures = {
        "rows": n,
        "frauds": frauds,
        "days": days,
        "columns": len(facts),
        "columns_with_missing_values": sum(1 for fact in facts if fact.missing.any()),
        "repeated_rows": duplicates.repeats,
        "psi_validation_max": max(fact.psi[0] or 0.0 for fact in facts),
        "psi_test_max": max(fact.psi[1] or 0.0 for fact in facts),
    }
    return DataReport(html, tuple(findings), figures)


def _date_and_time(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
