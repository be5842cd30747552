"""From a data file to the report: on disk, and in MLflow."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from training.data.dataset import load
from training.data.description import DataDescription
from training.eda import column_sections, row_sections
from training.eda.columns import look_at_columns
from training.eda.correlations import correlate
from training.eda.duplicates import count_duplicates
from training.eda.findings import Finding, find
from training.eda.groups import DAY_MS
from training.eda.page import Section, page, write_page
from training.eda.rows import PARTS, Rows, parts_of
from training.registry.lineage import code_version
from training.registry.tracking import Tracker

Report = Callable[[str], None]
#: Calls to `report`, for a progress bar.
STEPS = 4
_RUN = "eda"
_FILE = "eda.html"


@dataclass(frozen=True)
class Look:
    """What a look at the data gave."""

    html: str
    findings: tuple[Finding, ...]
    #: For MLflow.
    figures: dict[str, float]


def run_eda(data: str, description: DataDescription, out: Path, tracker: Tracker, report: Report) -> Look:
    """Look at a data file, write the page to `out` and log it as an MLflow run's artifact.

    Args:
        data: Parquet or CSV, a path or an fsspec URL.
        description: What its columns are.
        out: HTML file; it appears only when it is whole.
        tracker: MLflow.
        report: Told each step, for a progress display.

    Raises:
        DataError: If the data cannot be used, or the page not be written.
        RegistryError: If MLflow is away or refuses; the page is there all the same.
    """
    report("read the data")
    rows = load(data, description)
    name = data.rpartition("/")[2]
    report(f"look at {len(rows.label):,} rows")
    look = look_at(rows, name)
    report("write the page")
    write_page(look.html, out)
    report("log it to MLflow")
    with tracker.run(_RUN, {"data_sha256": rows.sha256, "kind": _RUN} | code_version()) as run:
        run.log({"data": name}, {}, look.figures)
        with tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / _FILE).write_text(look.html, encoding="utf-8")
            run.log_files(Path(scratch), _RUN)
    return look


def look_at(rows: Rows, source: str) -> Look:
    """Make the page.

    Args:
        rows: n ≥ 1 rows; nothing else is asked of them, a part may be without frauds.
        source: What the data are called.
    """
    part = parts_of(rows.event_time_ms)
    facts = list(look_at_columns(rows, part))
    correlations, duplicates = correlate(rows), count_duplicates(rows, part)
    part_rows = np.bincount(part, minlength=len(PARTS))
    part_frauds = np.bincount(part[rows.label == 1], minlength=len(PARTS))
    first_ms, last_ms = int(rows.event_time_ms[0]), int(rows.event_time_ms[-1])
    found = find(
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
        ("share of frauds", f"{frauds / n:.3%}"),
        ("days", f"{days:.1f}"),
        ("columns", f"{len(facts):,}"),
        ("repeated rows", f"{duplicates.repeats:,}"),
    )
    identity = (
        ("data", source),
        ("SHA-256", rows.sha256),
        ("first transaction (UTC)", _moment(first_ms)),
        ("last transaction (UTC)", _moment(last_ms)),
        ("parts", ", ".join(f"{name} {count:,}" for name, count in zip(PARTS, part_rows.tolist(), strict=True))),
    )
    html = page(
        f"The data: {source}",
        f"{n:,} transactions over {days:.1f} days, {frauds:,} of them frauds, in a time-ordered split.",
        (
            Section("overview", "Overview", row_sections.overview(tiles, identity, found)),
            Section("balance", "Class balance", row_sections.class_balance(rows, part)),
            Section("missing", "Missing values", column_sections.missing(facts, rows, part)),
            Section("distributions", "Distributions", column_sections.distributions(facts)),
            Section("correlations", "Correlations", column_sections.correlations(correlations)),
            Section("hour-amount", "Hour and amount", row_sections.hour_and_amount(rows)),
            Section("duplicates", "Duplicates", row_sections.duplicates(duplicates, n)),
            Section("drift", "Drift", column_sections.drift(facts)),
        ),
        f"Made by fraud-train eda, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
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
    return Look(html, tuple(found), figures)


def _moment(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
