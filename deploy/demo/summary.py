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
    #: Transactions per second while latency was measured.
    rate: float
    #: Milliseconds from the scheduled send time to the committed decision, by quantile, without the first `warm_up_s`.
    latency_ms: dict[str, float]
    #: Seconds at the start of the steady rate, in which Kafka's JVM compiles most, and the 99th percentile of their
    #: latency.
    warm_up_s: float
    cold_p99_ms: float

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


def show(summary: Summary, console: Console | None = None) -> None:
    """Print each figure with its value and one line that explains it, then whether the demo passed.

    Args:
        summary: Results to print.
        console: Console to print to; None for standard output.
    """
    console = console or Console()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim")
    for title, figures in _sections(summary).items():
        table.add_row()
        table.add_row(f"[bold]{title}[/]")
        for name, value, explanation in figures:
            table.add_row(name, value, explanation)
    console.print(table)
    console.print("The broker has just started, so these speeds are of a cold JVM; make bench measures a warm one.")
    console.print()
    if summary.passed:
        console.print("Passed: each transaction was decided exactly once, with its offline score.", style="green")
    else:
        console.print("Failed: a figure in red must be 0, or the score difference is too large.", style="red")


def _sections(summary: Summary) -> dict[str, list[tuple[str, str, str]]]:
    """Return name, value and explanation of each figure by section. An explanation has at most 38 characters."""
    agreements = [
        (f"{name} agrees", f"{agreement:.2%}", f"{flips} verdicts differ from the champion's")
        for name, agreement, flips in summary.challengers
    ]
    within = {"p50": "half of the decisions", "p99": "99 of 100 decisions", "p99.9": "999 of 1,000"}
    latencies = [
        (f"latency {name}", f"{ms:.1f} ms", f"{within[name]} are this fast") for name, ms in summary.latency_ms.items()
    ]
    return {
        "Delivery": [
            ("transactions", f"{summary.sent:,}", "sent: at full speed, then steadily"),
            ("decisions", f"{summary.decided:,}", "read back, committed ones only"),
            ("missing", _expected_zero(summary.missing), "transactions without a decision"),
            ("repeated", _expected_zero(summary.repeated), "decisions beyond the first"),
            ("dead letters", _expected_zero(summary.dead_lettered), "transactions rejected as invalid"),
        ],
        "Detection, at full speed": [
            ("alerts", f"{summary.alerts:,}", "transactions to review or decline"),
            ("precision", f"{summary.precision:.3f}", "share of the alerts that are frauds"),
            ("recall", f"{summary.recall:.3f}", f"alerted share of the {summary.frauds} frauds"),
            ("value recall", f"{summary.value_recall:.3f}", "alerted share of the frauds' amount"),
        ],
        "Models": [
            ("champion", summary.champion, "decides; challengers are evaluated"),
            *agreements,
            ("missing shadow scores", _expected_zero(summary.shadow_missing), "transactions that one did not score"),
            (
                "score difference",
                f"{summary.score_difference:.1e}",
                f"from offline; at most {SCORE_TOLERANCE:.0e}",
            ),
        ],
        f"Speed, latency at {summary.rate:,.0f}/s": [
            ("throughput", f"{summary.events_per_second:,.0f}/s", "first send to last decision"),
            *latencies,
            (
                f"first {summary.warm_up_s:.0f} s, p99",
                f"{summary.cold_p99_ms:.1f} ms",
                "left out above: Kafka's JVM compiles",
            ),
        ],
    }


def _expected_zero(count: int) -> str:
    return "0" if count == 0 else f"[bold red]{count:,}[/]"
