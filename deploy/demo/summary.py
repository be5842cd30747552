"""What came out of the demo, held against what went in."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from schemas.messages import Decision, ShadowScore

#: Online and offline scores come from the same graph; a linear model differs in the last digits of a float32.
SAME_SCORE = 1e-6


@dataclass(frozen=True)
class Summary:
    """The demo's figures."""

    sent: int
    decided: int
    missing: int
    repeated: int
    dead_lettered: int
    alerts: int
    precision: float
    recall: float
    #: Share of the frauds' amount in what was alerted.
    value_recall: float
    frauds: int
    champion: str
    #: For each challenger its name, its agreement with the champion in [0, 1], and the verdicts that differ.
    challengers: list[tuple[str, float, int]]
    shadow_missing: int
    #: Largest |online - offline| of all models.
    score_difference: float
    events_per_second: float
    #: Milliseconds by quantile, from the scheduled send to the committed decision.
    latency_ms: dict[str, float]

    @property
    def holds(self) -> bool:
        """Whether each transaction was decided once, with the score it has offline."""
        lost = self.missing + self.repeated + self.dead_lettered + self.shadow_missing
        return lost == 0 and self.score_difference <= SAME_SCORE


def compare(
    decisions: list[Decision], shadow_scores: list[ShadowScore], offline: pl.DataFrame, champion: str
) -> tuple[dict[str, float], list[tuple[str, float, int]], float]:
    """Hold decisions against labels, challengers against the champion, and every score against its offline twin.

    Args:
        decisions: Of the test part, each transaction at most once.
        shadow_scores: Likewise, for every challenger.
        offline: As `fraud-train offline-scores` writes it.
        champion: Its version.

    Returns:
        {alerts, precision, recall, value_recall, frauds}; (challenger, agreement, flips) for each; the largest score
        difference.
    """
    online = pl.DataFrame(
        {
            "transaction_id": [d.transaction_id for d in decisions],
            "score": [d.score for d in decisions],
            "alert": [d.verdict != "approve" for d in decisions],
        }
    ).join(offline, on="transaction_id")
    frauds = int(offline["label"].sum())
    caught = online.filter(pl.col("alert") & (pl.col("label") == 1))
    alerts, hits = int(online["alert"].sum()), caught.height
    at_stake = int(offline.filter(pl.col("label") == 1)["amount_minor"].sum())
    figures = {
        "alerts": alerts,
        "precision": hits / alerts if alerts else float("nan"),
        "recall": hits / frauds if frauds else float("nan"),
        "value_recall": int(caught["amount_minor"].sum()) / at_stake if at_stake else float("nan"),
        "frauds": frauds,
    }
    difference = _largest_difference(online, champion)
    challengers = []
    for version in sorted({s.model_version for s in shadow_scores}):
        mine = [s for s in shadow_scores if s.model_version == version]
        shadow = pl.DataFrame(
            {
                "transaction_id": [s.transaction_id for s in mine],
                "score": [s.score for s in mine],
                "challenger_alert": [s.verdict != "approve" for s in mine],
            }
        ).join(online.drop("score"), on="transaction_id")
        flips = int((shadow["challenger_alert"] != shadow["alert"]).sum())
        challengers.append((version, 1 - flips / max(shadow.height, 1), flips))
        difference = max(difference, _largest_difference(shadow, version))
    return figures, challengers, difference


def _largest_difference(scored: pl.DataFrame, version: str) -> float:
    online, offline = scored["score"].to_numpy(), scored[f"score_{version}"].to_numpy()
    return float(np.max(np.abs(online - offline), initial=0.0))


def show(summary: Summary) -> None:
    """Print the figures."""
    table = Table(title="Card transactions through Kafka, scored by ONNX models", show_header=False)
    rows: list[tuple[str, str]] = [
        ("sent", f"{summary.sent:,}"),
        ("decided", f"{summary.decided:,}"),
        ("missing", _expected_zero(summary.missing)),
        ("repeated", _expected_zero(summary.repeated)),
        ("dead-lettered", _expected_zero(summary.dead_lettered)),
        ("alerts", f"{summary.alerts:,}"),
        ("precision, recall of alerts", f"{summary.precision:.3f}, {summary.recall:.3f} ({summary.frauds} frauds)"),
        ("share of the frauds' amount alerted", f"{summary.value_recall:.1%}"),
    ]
    rows += [
        (f"{summary.champion} beside {name}", f"{agreement:.3%} agree, {flips} verdicts flip")
        for name, agreement, flips in summary.challengers
    ]
    rows += [
        ("shadow scores missing", _expected_zero(summary.shadow_missing)),
        ("largest online - offline score", f"{summary.score_difference:.1e}"),
        ("at full speed", f"{summary.events_per_second:,.0f} transactions/s"),
        *((f"latency at a steady 2,000/s, {name}", f"{ms:.1f} ms") for name, ms in summary.latency_ms.items()),
    ]
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _expected_zero(count: int) -> str:
    return "0" if count == 0 else f"[bold red]{count:,}[/]"
