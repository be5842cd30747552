"""Charts on the page: the sequential test by matured frauds, and a matrix of the models' verdicts."""

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.experiment.gate import GatePath
from stream.evaluation.gate import KEEP_ALPHA
from stream.scoring.policy import VERDICTS
from training.pages.figures import save_figure


def draw_test(paths: list[GatePath], file: Path) -> None:
    """Plot log capital for cost and recall against matured frauds for each challenger, with the test's thresholds."""

    def draw(figure: Figure) -> None:
        for axes, path in zip(figure.subplots(1, len(paths), sharey=True, squeeze=False)[0], paths, strict=True):
            frauds = [result.frauds for result in path.results]
            for name, style in (("cost", "-"), ("recall", "--")):
                capital = [getattr(result, name).log_capital for result in path.results]
                axes.plot(frauds, capital, style, label=f"{name}: capital against 'no better'")
            axes.axhline(-math.log(path.plan.alpha), color="tab:green", linewidth=1, label="better")
            axes.axhline(math.log(KEEP_ALPHA), color="tab:red", linewidth=1, linestyle=":", label="no better (approx.)")
            axes.set_title(f"{path.name}: {path.results[-1].verdict}")
            axes.set_xlabel("matured frauds")
            axes.grid(visible=True, alpha=0.3)
        figure.axes[0].set_ylabel("log capital")
        figure.axes[0].legend(fontsize="small")

    save_figure(draw, file, size=(9, 3.6))


def draw_flips(path: GatePath, file: Path) -> None:
    """Draw the number of transactions for each pair of verdicts, with logarithmic colours as most are approvals."""
    cells = np.array(path.change.flips)[:2, :2]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.imshow(np.log1p(cells), cmap="Blues")
        for (row, column), count in np.ndenumerate(cells):
            axes.text(column, row, f"{count:,}", ha="center", va="center", color="black", fontsize="large")
        axes.set_xticks(range(2), VERDICTS[:2])
        axes.set_yticks(range(2), VERDICTS[:2])
        axes.set_xlabel("challenger")
        axes.set_ylabel("champion")
        axes.set_title("verdicts in the tested hours")

    save_figure(draw, file, size=(4.2, 3.6))
