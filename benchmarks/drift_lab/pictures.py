"""Charts on the page: detection by PSI, delay for a slow trend, the natural stream by window, concept drift by day."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.drift_lab.concept import ONSET_DAY, ConceptTimeline
from benchmarks.drift_lab.power import DetectionPower
from benchmarks.drift_lab.trend import TrendDetection
from benchmarks.drift_lab.undisturbed import JudgedWindows
from training.pages.figures import save_figure

POWER, TREND, NATURAL, CONCEPT = (f"drift-lab-{name}.svg" for name in ("power", "trend", "natural", "concept"))
#: The project's target is to detect drift if the PSI of the whole stream is at least this value.
TARGET_PSI = 0.2


def draw_power(power: Sequence[DetectionPower], limit: float, file: Path) -> None:
    """Plot the share detected against the stream's PSI, with a marker for each feature and scenario."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for number, scenario in enumerate(dict.fromkeys(each.scenario for each in power)):
            own = [each for each in power if each.scenario == scenario]
            psis, detected = [each.psi for each in own], [each.detected for each in own]
            axes.plot(psis, detected, "ovs^Dx"[number], label=scenario, alpha=0.6)
        axes.set_xscale("log")
        _mark(axes, limit, "limit of the rule", ":")
        _mark(axes, TARGET_PSI, "target", "--")
        axes.set_xlabel("PSI of the whole disturbed stream")
        axes.set_ylabel("share detected within 3 full windows")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(fontsize="small", loc="lower right")

    save_figure(draw, file, size=(7, 3.6))


def draw_trend(trends: Sequence[TrendDetection], file: Path) -> None:
    """Draw the delay between crossing the limit and the alarm, for each feature."""
    detected = sorted((each for each in trends if each.delay is not None), key=lambda each: each.delay or 0.0)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.bar([each.feature for each in detected], [each.delay or 0.0 for each in detected], color="tab:blue")
        axes.axhline(0, color="black", linewidth=0.8)
        axes.tick_params(axis="x", rotation=90, labelsize="small")
        axes.set_ylabel("windows from PSI 0.1 to the alarm")
        axes.grid(visible=True, axis="y", alpha=0.3)

    save_figure(draw, file, size=(9, 3.2))


def draw_natural(judged: JudgedWindows, file: Path) -> None:
    """Draw PSI as a share of its limit in a grid of columns and windows, with alarms marked."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        image = axes.imshow(judged.shares.T, cmap="viridis", vmin=0, vmax=2, aspect="auto")
        windows, columns = np.nonzero(judged.alarming)
        axes.plot(windows, columns, "x", color="red", label="alarm")
        axes.set_yticks(range(len(judged.names)), judged.names, fontsize="small")
        axes.set_xticks(range(judged.windows), [str(number) for number in range(1, judged.windows + 1)])
        axes.set_xlabel(f"window of {judged.rows:,} rows, in order of event time")
        figure.colorbar(image, label="PSI as a share of its limit")
        if len(windows):
            axes.legend(loc="upper right", fontsize="small")

    save_figure(draw, file, size=(6.5, 6.5))


def draw_concept(timeline: ConceptTimeline, file: Path) -> None:
    """Draw true and estimated recall and precision by day."""

    def draw(figure: Figure) -> None:
        days = np.arange(len(timeline.recall))
        for axes, name in zip(figure.subplots(1, 2, sharey=True), ("recall", "precision"), strict=True):
            axes.plot(days, getattr(timeline, name), "-", label="true, from labels")
            axes.plot(days, getattr(timeline, f"expected_{name}"), "--", label="label-free estimate")
            _mark(axes, ONSET_DAY - 0.5, "onset", ":")
            if timeline.alarm is not None:
                axes.axvline(timeline.alarm, color="tab:red", linewidth=1, label="alarm on misses")
            axes.set_title(name)
            axes.set_xlabel("day")
            axes.set_ylim(0, 1)
            axes.grid(visible=True, alpha=0.3)
        figure.axes[0].legend(fontsize="small", loc="lower left")

    save_figure(draw, file, size=(9, 3.4))


def _mark(axes: Axes, at: float, label: str, style: str) -> None:
    axes.axvline(at, color="gray", linewidth=1, linestyle=style, label=label)
