"""Four pictures: what is found, how a slow trend is, the natural stream window by window, concept drift by day."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.drift_lab.concept import ONSET_DAY, Course
from benchmarks.drift_lab.power import Power
from benchmarks.drift_lab.silence import Judged
from benchmarks.drift_lab.trend import Trend

POWER, TREND, NATURAL, CONCEPT = (f"drift-lab-{name}.svg" for name in ("power", "trend", "natural", "concept"))
#: PSI from which on the project promises to find what there is.
PROMISED_PSI = 0.2


def draw_power(found: Sequence[Power], limit: float, file: Path) -> None:
    """Draw the share found over the population's PSI, a dot for each feature and scenario."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, scenario in enumerate(dict.fromkeys(each.scenario for each in found)):
        own = [each for each in found if each.scenario == scenario]
        axes.plot([each.psi for each in own], [each.found for each in own], "ovs^Dx"[number], label=scenario, alpha=0.6)
    axes.set_xscale("log")
    _mark(axes, limit, "the rule's limit", ":")
    _mark(axes, PROMISED_PSI, "promised from here on", "--")
    axes.set_xlabel("PSI of the whole disturbed stream")
    axes.set_ylabel("share found within 3 full windows")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small", loc="lower right")
    figure.savefig(file, metadata={"Date": None})


def draw_trend(trends: Sequence[Trend], file: Path) -> None:
    """Draw how long after its population's PSI crossed the limit each feature alarmed."""
    told = sorted((each for each in trends if each.delay is not None), key=lambda each: each.delay or 0.0)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.bar([each.feature for each in told], [each.delay or 0.0 for each in told], color="tab:blue")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.tick_params(axis="x", rotation=90, labelsize="small")
    axes.set_ylabel("windows from PSI 0.1 to the alarm")
    axes.grid(visible=True, axis="y", alpha=0.3)
    figure.savefig(file, metadata={"Date": None})


def draw_natural(judged: Judged, file: Path) -> None:
    """Draw PSI in shares of its limit, a row a column and a cell a window, with alarms marked."""
    figure = Figure(figsize=(6.5, 6.5), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(judged.shares.T, cmap="viridis", vmin=0, vmax=2, aspect="auto")
    windows, columns = np.nonzero(judged.alarming)
    axes.plot(windows, columns, "x", color="red", label="alarm")
    axes.set_yticks(range(len(judged.names)), judged.names, fontsize="small")
    axes.set_xticks(range(judged.windows), [str(number) for number in range(1, judged.windows + 1)])
    axes.set_xlabel(f"window of {judged.rows:,} rows, in order of event time")
    figure.colorbar(image, label="PSI in shares of its limit")
    if len(windows):
        axes.legend(loc="upper right", fontsize="small")
    figure.savefig(file, metadata={"Date": None})


def draw_concept(course: Course, file: Path) -> None:
    """Draw true and label-free recall and precision by day."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    days = np.arange(len(course.recall))
    for axes, name in zip(figure.subplots(1, 2, sharey=True), ("recall", "precision"), strict=True):
        axes.plot(days, getattr(course, name), "-", label="true, from labels")
        axes.plot(days, getattr(course, f"expected_{name}"), "--", label="estimate without labels")
        _mark(axes, ONSET_DAY - 0.5, "frauds change", ":")
        if course.alarm is not None:
            axes.axvline(course.alarm, color="tab:red", linewidth=1, label="the misses' watch alarms")
        axes.set_title(name)
        axes.set_xlabel("day")
        axes.set_ylim(0, 1)
        axes.grid(visible=True, alpha=0.3)
    figure.axes[0].legend(fontsize="small", loc="lower left")
    figure.savefig(file, metadata={"Date": None})


def _mark(axes: Axes, at: float, label: str, style: str) -> None:
    axes.axvline(at, color="gray", linewidth=1, linestyle=style, label=label)
