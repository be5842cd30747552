"""Sections about the columns: missing values, distributions, correlations, drift."""

from collections.abc import Sequence

import numpy as np

from training.eda.charts import heat_map, histogram
from training.eda.columns import TOP_LEVELS, Bins, ColumnFacts
from training.eda.correlations import SHOWN, Correlations
from training.eda.findings import MOVED_PSI
from training.eda.html import Html, bar, card, element, join, legend, table
from training.eda.measures import Counts
from training.eda.rows import PARTS, Rows

#: Columns that are drawn; the table of columns names all.
DRAWN = 40
#: Columns whose move from train to test is drawn.
_DRIFT_DRAWN = 6


def missing(facts: Sequence[ColumnFacts], rows: Rows, part: Counts) -> Html:
    """Columns with missing values, by part and class."""
    in_part, in_class = np.bincount(part, minlength=len(PARTS)), np.bincount(rows.label, minlength=2)
    lacking = sorted((fact for fact in facts if fact.missing.any()), key=lambda fact: -int(fact.missing.sum()))
    if not lacking:
        return element("p", f"Every one of the {len(facts)} columns has a value in every row.")
    cells = [
        (
            fact.name,
            bar(fact.missing_share, "legit"),
            f"{fact.missing_share:.2%}",
            *(_share(gone, of) for gone, of in zip(fact.missing, in_part, strict=True)),
            *(_share(gone, of) for gone, of in zip(fact.missing_by_class, in_class, strict=True)),
        )
        for fact in lacking
    ]
    return join(
        [
            element(
                "p",
                f"{len(lacking)} of {len(facts)} columns lack values. A share that differs between the classes is"
                " a signal of its own, or a leak; one that differs between the parts is drift.",
            ),
            table(("column", "", "missing", *PARTS, "legitimate", "fraud"), cells),
        ]
    )


def distributions(facts: Sequence[ColumnFacts]) -> Html:
    """Columns drawn by class, those first that tell the classes apart best; then a table of all."""
    ranked = sorted(facts, key=lambda fact: -(fact.separation or 0))
    drawn = [fact for fact in ranked if fact.bins is not None and not fact.constant and not fact.id_like][:DRAWN]
    numbers = [_drawn(fact, fact.bins) for fact in drawn if fact.bins is not None and fact.kind == "number"]
    texts = [_levels(fact, fact.bins) for fact in drawn if fact.bins is not None and fact.kind == "text"]
    blocks = [
        element(
            "p",
            "Each class as shares of its own, so their sizes don't matter. Columns come in the order of how far frauds "
            "stand apart: the KS statistic sup│F(legitimate) - F(fraud)│ for numbers, the total variation ½ Σ│p - q│ "
            "over levels for text; 0 is alike, 1 is apart. Values beyond an axis (outside the 1 to 99 % "
            f"quantiles of both classes) are counted in its outermost bins. {_how_many(len(drawn), len(facts))}",
        ),
        legend("legitimate", "fraud"),
        element("div", *numbers, class_="grid small-plots"),
    ]
    if texts:
        blocks += [
            element("p", f"Text columns: the {TOP_LEVELS} most frequent levels, the rest pooled."),
            element("div", *texts, class_="grid"),
        ]
    return join([*blocks, element("h3", "All columns"), _all_columns(ranked)])


def correlations(found: Correlations) -> Html:
    """A map of the strongest correlated columns, and the strongest pairs."""
    if len(found.names) < 2:  # noqa: PLR2004  # a pair
        return element("p", "There are no two numeric columns to correlate.")
    shown = found.shown()
    texts = [
        [f"{first} and {second}: {shown.matrix[i, j]:+.2f}" for j, second in enumerate(shown.names)]
        for i, first in enumerate(shown.names)
    ]
    pairs = [
        (first, second, bar(abs(value), "fraud" if value > 0 else "legit"), f"{value:+.2f}")
        for first, second, value in found.strongest_pairs()
    ]
    among = f"The {SHOWN} columns with the strongest of {len(found.names)}." if len(found.names) > SHOWN else ""
    return join(
        [
            element(
                "p",
                f"Spearman's rank correlation of the numeric columns on {found.rows:,} rows taken evenly over time; a "
                f"missing value counts as the middle rank. {among}",
            ),
            legend("falls with the other", "rises with the other"),
            element(
                "div",
                card("Map", heat_map(shown.matrix, shown.names, shown.names, texts)),
                card("Strongest pairs", table(("column", "column", "", "correlation"), pairs, text_columns=2)),
                class_="grid",
                style="--w:26rem",
            ),
        ]
    )


def drift(facts: Sequence[ColumnFacts]) -> Html:
    """How far each column moved from the training part to the two later ones."""
    ranked = sorted(facts, key=lambda fact: -max(fact.psi[0] or 0, fact.psi[1] or 0))
    scale = max([MOVED_PSI * 2, *(value for fact in ranked for value in fact.psi if value is not None)])
    rows = [
        (
            fact.name,
            _number(fact.psi[0]),
            _psi_bar(fact.psi[0], scale),
            _number(fact.psi[1]),
            _psi_bar(fact.psi[1], scale),
            _number(fact.ks[0]),
            _number(fact.ks[1]),
        )
        for fact in ranked
    ]
    drawn = [fact for fact in ranked if fact.bins is not None and fact.kind == "number" and not fact.constant]
    moved = [
        card(
            fact.name,
            histogram(fact.bins, fact.bins.by_part[[0, 2]], f"{fact.name} in train and test"),
            f"PSI {_number(fact.psi[1])}, KS {_number(fact.ks[1])}",
        )
        for fact in drawn[:_DRIFT_DRAWN]
        if fact.bins is not None
    ]
    head = ("column", "PSI validation", "", "PSI test", "", "KS validation", "KS test")
    return join(
        [
            element(
                "p",
                "Each part against train. PSI = Σ (c - r) · ln(c / r) over the deciles of train (text: the most "
                "frequent levels) and a bin for missing values, with half a row added to every bin; below 0.1 alike, "
                f"above {MOVED_PSI} moved (Siddiqi 2006). KS = sup│F(train) - F(part)│.",
            ),
            table(head, rows),
            element("h3", "Moved most from train to test"),
            legend("train", "test"),
            element("div", *moved, class_="grid small-plots"),
        ]
    )


def _drawn(fact: ColumnFacts, bins: Bins) -> Html:
    scale = ", logarithmic" if bins.log else ""
    plotted = histogram(bins, bins.by_class, f"{fact.name} by class")
    return card(fact.name, plotted, f"KS {_number(fact.separation)}{scale}")


def _levels(fact: ColumnFacts, bins: Bins) -> Html:
    rows, frauds = bins.by_class.sum(axis=0).tolist(), bins.by_class[1].tolist()
    legit_share, fraud_share = bins.by_class / np.maximum(bins.by_class.sum(axis=1, keepdims=True), 1)
    longest = max(legit_share.max(), fraud_share.max())
    cells = [
        (
            level or "(empty text)",
            join([bar(legit / longest, "legit"), Html("<br>"), bar(fraud / longest, "fraud")]),
            f"{of:,}",
            f"{hits / of:.2%}" if of else "-",
        )
        for level, legit, fraud, of, hits in zip(bins.levels, legit_share, fraud_share, rows, frauds, strict=True)
    ]
    note = f"total variation {_number(fact.separation)}, {fact.distinct:,} levels"
    return card(fact.name, table(("level", "", "rows", "frauds"), cells), note)


def _all_columns(facts: Sequence[ColumnFacts]) -> Html:
    head = ("column", "kind", "distinct", "missing", "lowest", "5 %", "median", "95 %", "highest", "classes apart")
    rows = [
        (
            fact.name,
            fact.kind,
            f"{fact.distinct:,}",
            f"{fact.missing_share:.2%}",
            *([f"{value:.4g}" for value in fact.spread] or ["-"] * 5),
            _number(fact.separation),
        )
        for fact in facts
    ]
    return table(head, rows, text_columns=2)


def _psi_bar(value: float | None, scale: float) -> Html:
    value = value or 0.0
    return bar(value / scale, "fraud" if value > MOVED_PSI else "legit")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(count: int, of: int) -> str:
    return f"{count / of:.2%}" if of else "-"


def _how_many(drawn: int, of: int) -> str:
    return "" if drawn == of else f"{drawn} of {of} columns are drawn; the table below has all."
