"""The plots of the study comparison."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from training.pages.figures import CHOSEN, INK, LEGIT, MUTED, Margins, add_tooltip, inline_svg
from training.study.entry_record import EntryRecord
from training.study.selection import choose, rank

#: Sizes in inches: width of both plots, height of a row of the fold plot, height of the cost plot.
_WIDTH, _ROW, _COST_HEIGHT = 7.5, 0.28, 3.4
#: Smallest cost shown, in microseconds; a log axis cannot show zero.
_MIN_COST = 1e-3
#: Width of the entries' names in inches.
_NAMES = 2.3


def fold_plot(records: Sequence[EntryRecord]) -> Markup:
    """Plot one row per entry, best first: a dot at the PR-AUC on each fold and a bar at the mean."""
    ranked, chosen = rank(records), choose(records).key

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for row, record in enumerate(ranked):
            colour = _colour(record, chosen)
            for fold, value in enumerate(record.by_fold.tolist(), start=1):
                (dot,) = axes.plot(value, row, "o", color=colour, alpha=0.6, markersize=5, clip_on=False)
                add_tooltip(dot, f"{record.key}, fold {fold}: {value:.4f}")
            (mean,) = axes.plot(record.mean, row, "|", color=colour, markersize=13, markeredgewidth=2.4, clip_on=False)
            add_tooltip(mean, f"{record.key}, mean: {record.mean:.4f}")
        axes.set_yticks(range(len(ranked)), [record.key for record in ranked], parse_math=False)
        for label, record in zip(axes.get_yticklabels(), ranked, strict=True):
            label.set_color(CHOSEN if record.key == chosen else INK)
        axes.set_ylim(len(ranked) - 0.5, -0.5)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        _rules(axes, range(len(ranked)))

    height = _ROW * len(ranked) + 0.4
    margins = Margins(left=_NAMES, bottom=0.3, top=0.05)
    return inline_svg(draw, "PR-AUC on each fold, and its mean", height=height, width=_WIDTH, margins=margins)


def cost_plot(records: Sequence[EntryRecord]) -> Markup:
    """Plot mean PR-AUC against the cost of scoring a row, on a log axis; good, cheap entries are at the upper left."""
    chosen = choose(records).key

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_xscale("log")
        for record in records:
            cost = max(record.cost_us, _MIN_COST)
            colour = _colour(record, chosen)
            (dot,) = axes.plot(cost, record.mean, "o", color=colour, alpha=0.7, markersize=7, clip_on=False)
            add_tooltip(dot, f"{record.key}: {record.mean:.4f} at {record.cost_us:.2f} µs")
            if record.key == chosen:
                axes.annotate(
                    record.key,
                    (cost, record.mean),
                    xytext=(0, 8),
                    textcoords="offset points",
                    ha="center",
                    color=CHOSEN,
                    parse_math=False,
                )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(MaxNLocator(6))
        low, high = axes.get_ylim()
        _rules(axes, [tick for tick in axes.get_yticks() if low < tick < high])
        axes.set_xlabel("cost of scoring a row, µs")
        axes.set_ylabel("mean PR-AUC on the folds")

    label = "Mean PR-AUC against the cost of scoring a row"
    margins = Margins(left=0.7, bottom=0.5, top=0.2, right=0.3)
    return inline_svg(draw, label, height=_COST_HEIGHT, width=_WIDTH, margins=margins)


def _rules(axes: Axes, heights: Iterable[float]) -> None:
    """Draw horizontal lines across the axes. Unlike a grid's lines they need no clip path, which would be a URL."""
    axes.hlines(
        list(heights),
        0,
        1,
        transform=axes.get_yaxis_transform(),
        linewidth=0.5,
        color=MUTED,
        alpha=0.4,
        zorder=0,
        clip_on=False,
    )


def _colour(record: EntryRecord, chosen: str) -> str:
    return CHOSEN if record.key == chosen else LEGIT
