"""Plot one model's results on one data split, as PNG files for the model's MLflow run."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from schemas.messages import Policy
from stream.scoring.policy import severities
from training.evaluation.alert_figures import alert_figures
from training.evaluation.calibration import calibration_curve
from training.evaluation.costs import Costs
from training.evaluation.cuts import cuts_by_loss, cuts_by_score
from training.evaluation.operating_points import review_costs
from training.evaluation.ranking import ranking_figures
from training.evaluation.scored_rows import ScoredRows
from training.pages.figures import save_figure

#: Names of the files that `save_plots` writes.
PLOTS = ("pr_curve.png", "calibration.png", "scores.png", "cost.png")
#: Marker, size and colour of each operating point. Smaller ones are drawn over larger ones, so none hides another.
_POINTS = (("o", 13, "black"), ("s", 10, "tab:red"), ("D", 7, "tab:purple"), ("^", 5, "tab:green"))
#: Lowest score on the axis, which ends equally close to 1. Scores outside the axis are drawn at the edge.
_LOWEST_SCORE = 1e-5
_SCORE_TICKS = (1e-5, 1e-4, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
#: Lower limit of the log axes of the calibration plot.
_LOWEST_RATE = 1e-7


class _Point(NamedTuple):
    """An operating point as drawn in the plots."""

    name: str
    policy: Policy
    marker: str
    size: int
    color: str


def save_plots(directory: Path, scored: ScoredRows, policies: Mapping[str, Policy], costs: Costs, part: str) -> None:
    """Draw the plots of a model's results into the files named in `PLOTS`.

    Args:
        directory: Existing directory.
        scored: Scored transactions, some of them frauds and some legitimate.
        policies: Up to four policies, by the name of each in the legends.
        costs: Costs for the cost curve.
        part: Name of the data split, such as "test set", for the titles.
    """
    points = [_Point(name, policy, *style) for (name, policy), style in zip(policies.items(), _POINTS, strict=False)]
    draw: dict[str, Callable[[Axes], None]] = {
        "pr_curve.png": lambda axes: _pr_curve(axes, scored, points, costs),
        "calibration.png": lambda axes: _calibration(axes, scored),
        "scores.png": lambda axes: _histogram(axes, scored, points),
        "cost.png": lambda axes: _cost_curve(axes, scored, points, costs),
    }
    subject = f"{part}: {len(scored):,} transactions, {scored.labels.sum():,} frauds"
    for name in PLOTS:
        draw_figure = partial(_draw_figure, draw[name], subject)
        # The margins are fixed, because a layout engine that measures them would draw everything twice.
        save_figure(draw_figure, directory / name, size=(7, 5.5), layout=None, dpi=120)


def _draw_figure(draw: Callable[[Axes], None], subject: str, figure: Figure) -> None:
    axes = figure.subplots(gridspec_kw={"left": 0.1, "right": 0.98, "top": 0.91})
    axes.grid(visible=True, alpha=0.3)
    draw(axes)
    if not axes.get_legend():
        _legend_below(figure)
    axes.set_title(f"{axes.get_title()}\n{subject}", fontsize="medium")


def _pr_curve(axes: Axes, scored: ScoredRows, points: list[_Point], costs: Costs) -> None:
    cuts = cuts_by_score(scored.scores)
    caught = cuts.sums(scored.labels)[1:]
    pr_auc = ranking_figures(scored, alert_rate=1.0).values()["pr_auc"]
    # "pre" draws the area that average precision sums up: each fraud's precision over the recall that it adds.
    axes.step(
        np.append(0.0, caught / scored.labels.sum()),
        np.append(1.0, caught / cuts.alerts[1:]),
        where="pre",
        label=f"cut by score, PR-AUC {pr_auc:.3f}",
    )
    for point in points:
        at = alert_figures(scored, point.policy, costs).values()
        text = f"{point.name}: precision {at['precision']:.2f}, recall {at['recall']:.2f} of frauds"
        if not np.isnan(at["value_recall"]):
            text += f", {at['value_recall']:.2f} of their amount"
        axes.plot(at["recall"], at["precision"], point.marker, markersize=point.size, color=point.color, label=text)
    axes.set(
        xlabel="recall (share of frauds that are alerted)",
        ylabel="precision (share of alerts that are frauds)",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.03),
        title="Precision and recall",
    )


def _calibration(axes: Axes, scored: ScoredRows) -> None:
    bins = calibration_curve(scored)
    with_fraud, empty = [b for b in bins if b.frauds], [b for b in bins if not b.frauds]
    score = np.maximum([b.mean_score for b in with_fraud], _LOWEST_RATE)
    rate, low, high = (np.array([getattr(b.fraud_rate, end) for b in with_fraud]) for end in ("value", "low", "high"))
    floor = max(min(rate.min(), *(b.mean_score for b in bins), *low[low > 0]) / 3, _LOWEST_RATE)
    axes.plot([floor, 1], [floor, 1], "--", color="grey", label="perfect")
    axes.errorbar(score, rate, [rate - low, high - rate], fmt="o", capsize=3, label="model, with 95 % interval")
    for x, y, b in zip(score, rate, with_fraud, strict=True):
        text = f"{b.frauds:,} of {b.rows:,}"
        axes.annotate(text, (x, y), (4, -8), textcoords="offset points", fontsize=7, rotation=90, va="top")
    if empty:
        # A log axis has no zero.
        axes.plot(
            np.maximum([b.mean_score for b in empty], floor),
            np.full(len(empty), 1.3 * floor),
            "v",
            color="tab:red",
            label=f"no fraud in {sum(b.rows for b in empty):,} transactions",
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(floor, 2),
        ylim=(floor, 2),
        xlabel="mean score of the bin (log)",
        ylabel="share of frauds in the bin (log)",
        title="Calibration (numbers: frauds of transactions in the bin)",
    )
    axes.legend(loc="upper left")


def _histogram(axes: Axes, scored: ScoredRows, points: list[_Point]) -> None:
    edge = np.log(_LOWEST_SCORE / (1 - _LOWEST_SCORE))
    bins = 1 / (1 + np.exp(-np.linspace(edge, -edge, 47)))
    shown = np.clip(scored.scores.astype(np.float64), bins[0], bins[-1])
    for label, name, color in ((0, "legitimate", "tab:blue"), (1, "fraud", "tab:orange")):
        axes.hist(shown[scored.labels == label], bins=bins.tolist(), color=color, alpha=0.6, label=name)
    for point in points:
        policy, width = point.policy, point.size / 5
        if policy.kind == "score":
            text = f"{point.name}: review from {policy.review:.3g}"
            axes.axvline(policy.review, linestyle="--", color=point.color, linewidth=width, label=text)
        if policy.decline < 1:
            text = f"{point.name}: decline from {policy.decline:.3g}"
            axes.axvline(policy.decline, linestyle=":", color=point.color, linewidth=width, label=text)
    axes.set(
        xscale="logit",
        yscale="log",
        xlim=(bins[0], bins[-1]),
        xlabel="score (even in log odds)",
        ylabel="transactions (log)",
        title="Scores by label",
    )
    axes.set_xticks(_SCORE_TICKS, [np.format_float_positional(tick, trim="-") for tick in _SCORE_TICKS])
    axes.xaxis.set_minor_formatter(NullFormatter())


def _cost_curve(axes: Axes, scored: ScoredRows, points: list[_Point], costs: Costs) -> None:
    n = len(scored)
    by_score, by_loss = cuts_by_score(scored.scores), cuts_by_loss(scored.scores, scored.amount_minor)
    for name, cuts in (("score", by_score), ("score · amount", by_loss)):
        curve = review_costs(scored, cuts, costs) / n
        axes.plot(cuts.alerts[1:] / n, curve[1:], drawstyle="steps-post", label=f"the highest by {name} reviewed")
    nothing = review_costs(scored, by_score, costs)[0] / n
    axes.axhline(nothing, linestyle="--", color="grey", label=f"nothing reviewed: {nothing:,.1f}")
    for point in points:
        alert_rate = float(np.mean(severities(scored.scores, point.policy, scored.amount_minor) > 0))
        cost = alert_figures(scored, point.policy, costs).values()["expected_cost"]
        text = f"{point.name}, with its declines: {cost:,.1f}"
        # A log axis has no zero, so a policy without alerts is drawn at one alert.
        axes.plot(max(alert_rate, 1 / n), cost, point.marker, markersize=point.size, color=point.color, label=text)
    axes.set(
        xscale="log",
        xlabel="share of transactions that are alerted (log)",
        ylabel="mean cost of a transaction (minor units)",
        xlim=(0.7 / n, 1.2),
        ylim=(0, max(2 * nothing, 1)),
        title=(
            f"Cost at {costs.review_cost_minor:,} a review, {costs.recovered_share:.0%} of a reviewed fraud saved, "
            f"{costs.false_decline_cost_minor:,} a false decline"
        ),
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))


def _legend_below(figure: Figure) -> None:
    """Put the legend below the axes, where it covers nothing."""
    lines = len(figure.legend(loc="lower center", fontsize=8, frameon=False).get_texts())
    figure.subplots_adjust(bottom=0.13 + 0.032 * lines)
