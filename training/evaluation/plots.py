"""Plots of one model on the test part, as PNG files for its MLflow run."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from schemas.messages import Policy
from training.models.families import Labels

_CALIBRATION_BINS = 10


def save_plots(directory: Path, scores: NDArray[np.float32], labels: Labels, policy: Policy) -> None:
    """Write pr_curve.png, calibration.png and scores.png."""
    for name, draw in (("pr_curve", _pr_curve), ("calibration", _calibration), ("scores", _histogram)):
        # Figure without pyplot: no global state, no display, nothing to close.
        figure = Figure(figsize=(6, 4.5), layout="constrained")
        draw(figure.subplots(), scores.astype(np.float64), labels, policy)
        figure.savefig(directory / f"{name}.png", dpi=100)


def _pr_curve(axes: Axes, scores: NDArray[np.float64], labels: Labels, policy: Policy) -> None:
    precision, recall, _ = precision_recall_curve(labels, scores)
    axes.step(recall, precision, where="post")
    for name, threshold in (("review", policy.review), ("decline", policy.decline)):
        alerts = scores >= threshold
        if alerts.any():
            axes.plot(
                labels[alerts].sum() / labels.sum(), labels[alerts].mean(), "o", label=f"{name} ≥ {threshold:.3f}"
            )
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title="precision and recall, test part")
    axes.legend(loc="lower left")


def _calibration(axes: Axes, scores: NDArray[np.float64], labels: Labels, _: Policy) -> None:
    # Bins even in log odds, for nearly all scores are close to zero.
    edges = 1 / (1 + np.exp(-np.linspace(-10, 5, _CALIBRATION_BINS + 1)))
    bins = np.digitize(scores, edges)
    filled = np.unique(bins)
    mean_score = [scores[bins == b].mean() for b in filled]
    fraud_rate = [labels[bins == b].mean() for b in filled]
    axes.plot([1e-5, 1], [1e-5, 1], "--", color="grey", label="perfect")
    axes.plot(mean_score, np.maximum(fraud_rate, 1e-5), "o-", label="model")
    axes.set(xscale="log", yscale="log", xlabel="mean score", ylabel="share of frauds", title="calibration, test part")
    axes.legend()


def _histogram(axes: Axes, scores: NDArray[np.float64], labels: Labels, policy: Policy) -> None:
    bins = np.linspace(0, 1, 51).tolist()
    axes.hist([scores[labels == 0], scores[labels == 1]], bins=bins, log=True, label=["legitimate", "fraud"])
    for threshold in (policy.review, policy.decline):
        axes.axvline(threshold, linestyle="--", color="black", linewidth=1)
    axes.set(xlabel="score", ylabel="transactions", title="scores, test part (dashed: thresholds)")
    axes.legend()
