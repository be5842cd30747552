"""Two pictures: the sequential test as frauds mature, and the flip matrix."""

import math
from pathlib import Path as File

import numpy as np
from matplotlib.figure import Figure

from benchmarks.experiment.gate import Path
from stream.evaluation.gate import KEEP_ALPHA
from stream.scoring.policy import VERDICTS


def draw_test(paths: list[Path], file: File) -> None:
    """Draw the logarithm of both capitals over matured frauds, for each challenger, with what they must reach."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, path in zip(figure.subplots(1, len(paths), sharey=True, squeeze=False)[0], paths, strict=True):
        frauds = [judged.frauds for judged in path.judgements]
        for name, style in (("cost", "-"), ("recall", "--")):
            capital = [getattr(judged, name).log_capital for judged in path.judgements]
            axes.plot(frauds, capital, style, label=f"{name}: capital against 'no better'")
        axes.axhline(-math.log(path.plan.alpha), color="tab:green", linewidth=1, label="shown")
        axes.axhline(math.log(KEEP_ALPHA), color="tab:red", linewidth=1, linestyle=":", label="about: the opposite")
        axes.set_title(f"{path.name}: {path.judgements[-1].verdict}")
        axes.set_xlabel("matured frauds")
        axes.grid(visible=True, alpha=0.3)
    figure.axes[0].set_ylabel("log capital")
    figure.axes[0].legend(fontsize="small")
    figure.savefig(file, metadata={"Date": None})


def draw_flips(path: Path, file: File) -> None:
    """Draw how many transactions each pair of verdicts has; colours are logarithmic, for approvals are the most."""
    cells = np.array(path.change.flips)[:2, :2]
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.log1p(cells), cmap="Blues")
    for (row, column), count in np.ndenumerate(cells):
        axes.text(column, row, f"{count:,}", ha="center", va="center", color="black", fontsize="large")
    axes.set_xticks(range(2), VERDICTS[:2])
    axes.set_yticks(range(2), VERDICTS[:2])
    axes.set_xlabel("challenger")
    axes.set_ylabel("champion")
    axes.set_title("verdicts in the tested hours")
    figure.savefig(file, metadata={"Date": None})
