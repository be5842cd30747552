"""The drift report as one HTML page."""

from collections.abc import Sequence
from datetime import UTC, datetime

from schemas.manifest import Manifest
from schemas.messages import DriftReport
from stream.drift.alarm_rule import DriftLimits
from training.drift import sections
from training.drift.history import ColumnHistory, histories, worst_first
from training.drift.offline import Looked
from training.eda.html import Html
from training.eda.page import Section, page


def drift_page(looked: Looked, manifest: Manifest, limits: DriftLimits, source: str) -> str:
    """Make the page.

    Args:
        looked: At the file.
        manifest: Of the bundle.
        limits: By which it was judged.
        source: What the file is called.
    """
    *features, score = histories(looked.reports, manifest)
    told = [Section("overview", "Overview", sections.overview(looked, manifest, limits, (*features, score)))]
    if looked.reports:
        told += _of_windows(looked.reports, features, score)
    told.append(Section("reading", "How to read this", sections.reading(limits)))
    return page(
        f"Drift: {source}",
        f"{looked.rows:,} transactions in {len(looked.reports):,} windows, held against model {manifest.version}.",
        told,
        f"Made by fraud-train drift-report, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
    )


def _of_windows(
    reports: Sequence[DriftReport], features: Sequence[ColumnHistory], score: ColumnHistory
) -> list[Section]:
    ranked = worst_first(features)
    bodies: list[tuple[str, str, Html]] = [
        ("features", "Features", sections.columns(ranked)),
        ("plots", "What moved most", sections.plots(ranked)),
        ("scores", "Scores and alerts", sections.scores(reports, score)),
        ("windows", "Windows", sections.windows(reports)),
    ]
    return [Section(*body) for body in bodies]
