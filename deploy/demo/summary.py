"""The demo's summary: its output compared with its input and with offline scores."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from schemas.messages import Decision, ShadowScore

#: Largest accepted difference between the online and offline scores of the same ONNX graph. With a linear model, the
#: scores differ in the last digits of a float32.
SCORE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Summary:
    """The demo's results."""

    sent: int
    decided: int
    missing: int
    repeated: int
    dead_lettered: int
    alerts: int
    precision: float
    recall: float
    #: Share of the total fraud amount that is in alerts.
    value_recall: float
    frauds: int
    #: Algorithm of the champion.
    champion: str
    #: For each challenger its algorithm, its agreement with the champion in [0, 1], and the number of different
    #: verdicts (alert or not).
    challengers: list[tuple[str, float, int]]
    shadow_missing: int
    #: Largest |online - offline| score difference of all models.
    score_difference: float
    events_per_second: float
    #: Milliseconds from the scheduled send time to the committed decision, by quantile.
    latency_ms: dict[str, float]

    @property
    def passed(self) -> bool:
        """Whether each transaction was decided exactly once, with the same score as offline."""
        lost = self.missing + self.repeated + self.dead_lettered + self.shadow_missing
        return lost == 0 and self.score_difference <= SCORE_TOLERANCE


def compare(
    decisions: list[Decision], shadow_scores: list[ShadowScore], offline: pl.DataFrame, champion: str
) -> tuple[dict[str, float], list[tuple[str, float, int]], float]:
    """Compare decisions with labels, challengers with the champion, and online scores with offline scores.

    Args:
        decisions: Decisions on the test set, at most one per transaction.
        shadow_scores: Shadow scores of every challenger, at most one per transaction and challenger.
        offline: Output of `fraud-train offline-scores`.
        champion: Version of the champion.

    Returns:
        {alerts, precision, recall, value_recall, frauds}; (version, agreement, different verdicts) for each challenger;
        the largest score difference.
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
        scores = [s for s in shadow_scores if s.model_version == version]
        shadow = pl.DataFrame(
            {
                "transaction_id": [s.transaction_id for s in scores],
                "score": [s.score for s in scores],
                "challenger_alert": [s.verdict != "approve" for s in scores],
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
    """Print the summary as a table."""
    table = Table(title="Card transactions through Kafka, scored by ONNX models", show_header=False)
    rows: list[tuple[str, str]] = [
        ("transactions sent", f"{summary.sent:,}"),
        ("decisions", f"{summary.decided:,}"),
        ("missing", _expected_zero(summary.missing)),
        ("repeated", _expected_zero(summary.repeated)),
        ("dead letters", _expected_zero(summary.dead_lettered)),
        ("alerts", f"{summary.alerts:,}"),
        (
            "precision and recall of alerts",
            f"{summary.precision:.3f} and {summary.recall:.3f} ({summary.frauds} frauds)",
        ),
        ("share of the fraud amount in alerts", f"{summary.value_recall:.1%}"),
        ("champion", summary.champion),
    ]
    rows += [
        (f"agreement of challenger {name} with champion", f"{agreement:.3%}, {flips} verdicts differ")
        for name, agreement, flips in summary.challengers
    ]
    rows += [
        ("missing shadow scores", _expected_zero(summary.shadow_missing)),
        ("largest online/offline difference", f"{summary.score_difference:.1e}"),
        ("throughput at full speed", f"{summary.events_per_second:,.0f} transactions/s"),
        *((f"latency at 2,000/s, {name}", f"{ms:.1f} ms") for name, ms in summary.latency_ms.items()),
    ]
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _expected_zero(count: int) -> str:
    return "0" if count == 0 else f"[bold red]{count:,}[/]"
