"""The sections of the data report on columns: missing values, distributions, correlations and drift.

Each function returns the context of one section of `training/pages/templates/eda.html.j2`.
"""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from training.eda.columns import TOP_LEVELS, Bins, ColumnFacts
from training.eda.correlations import SHOWN, Correlations
from training.eda.findings import MOVED_PSI
from training.eda.measures import Counts
from training.eda.plots import histogram
from training.eda.rows import PARTS, Rows
from training.pages.elements import Context, Panel, Table, bar, heat_map

#: Number of columns that are plotted; the table of columns lists all.
PLOTTED = 40
#: Number of columns whose drift from train to test is plotted.
_DRIFT_PLOTTED = 6


def missing(facts: Sequence[ColumnFacts], rows: Rows, part: Counts) -> Context:
    """Return the share of missing values in each column, by split and by class."""
    in_part, in_class = np.bincount(part, minlength=len(PARTS)), np.bincount(rows.label, minlength=2)
    incomplete = sorted((fact for fact in facts if fact.missing.any()), key=lambda fact: -int(fact.missing.sum()))
    cells = [
        (
            fact.name,
            bar(fact.missing_share, "legit"),
            f"{fact.missing_share:.2%}",
            *(_share(count, total) for count, total in zip(fact.missing, in_part, strict=True)),
            *(_share(count, total) for count, total in zip(fact.missing_by_class, in_class, strict=True)),
        )
        for fact in incomplete
    ]
    return {
        "columns": len(facts),
        "incomplete": len(incomplete),
        "table": Table(("column", "", "missing", *PARTS, "legitimate", "fraud"), cells),
    }


def distributions(facts: Sequence[ColumnFacts]) -> Context:
    """Return plots of the columns by class, the best at separating the classes first, and a table of all columns."""
    ranked = sorted(facts, key=lambda fact: -(fact.separation or 0))
    plotted = [fact for fact in ranked if fact.bins is not None and not fact.constant and not fact.id_like][:PLOTTED]
    return {
        "plotted": len(plotted),
        "columns": len(facts),
        "top_levels": TOP_LEVELS,
        "numbers": [_plotted(fact, fact.bins) for fact in plotted if fact.bins is not None and fact.kind == "number"],
        "texts": [_levels(fact, fact.bins) for fact in plotted if fact.bins is not None and fact.kind == "text"],
        "table": _all_columns(ranked),
    }


def correlations(measured: Correlations) -> Context:
    """Return a heat map of the most correlated columns, and the strongest pairs."""
    shown = measured.shown()
    tooltips = [
        [f"{first} and {second}: {shown.matrix[i, j]:+.2f}" for j, second in enumerate(shown.names)]
        for i, first in enumerate(shown.names)
    ]
    pairs = [
        (first, second, bar(abs(value), "fraud" if value > 0 else "legit"), f"{value:+.2f}")
        for first, second, value in measured.strongest_pairs()
    ]
    return {
        "columns": len(measured.names),
        "most_shown": SHOWN,
        "rows": measured.rows,
        "panels": [
            Panel("Heat map", heat_map(shown.matrix, shown.names, shown.names, tooltips)),
            Panel("Strongest pairs", Table(("column", "column", "", "correlation"), pairs, text_columns=2)),
        ],
    }


def drift(facts: Sequence[ColumnFacts]) -> Context:
    """Return how far each column drifted from the training data to the validation and test data."""
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
    numeric = [fact for fact in ranked if fact.bins is not None and fact.kind == "number" and not fact.constant]
    moved = [
        Panel(
            fact.name,
            histogram(fact.bins, fact.bins.by_part[[0, 2]], f"{fact.name} in train and test"),
            f"PSI {_number(fact.psi[1])}, KS {_number(fact.ks[1])}",
        )
        for fact in numeric[:_DRIFT_PLOTTED]
        if fact.bins is not None
    ]
    head = ("column", "PSI, validation", "", "PSI, test", "", "KS, validation", "KS, test")
    return {"moved_psi": MOVED_PSI, "table": Table(head, rows), "panels": moved}


def _plotted(fact: ColumnFacts, bins: Bins) -> Panel:
    scale = ", log scale" if bins.log else ""
    return Panel(
        fact.name, histogram(bins, bins.by_class, f"{fact.name} by class"), f"KS {_number(fact.separation)}{scale}"
    )


def _levels(fact: ColumnFacts, bins: Bins) -> Panel:
    rows, frauds = bins.by_class.sum(axis=0).tolist(), bins.by_class[1].tolist()
    legit_share, fraud_share = bins.by_class / np.maximum(bins.by_class.sum(axis=1, keepdims=True), 1)
    longest = max(legit_share.max(), fraud_share.max())
    cells = [
        (
            level or "(empty text)",
            bar(legit / longest, "legit") + bar(fraud / longest, "fraud"),
            f"{count:,}",
            f"{hits / count:.2%}" if count else "-",
        )
        for level, legit, fraud, count, hits in zip(bins.levels, legit_share, fraud_share, rows, frauds, strict=True)
    ]
    note = f"total variation {_number(fact.separation)}, {fact.distinct:,} levels"
    return Panel(fact.name, Table(("level", "", "rows", "fraud rate"), cells), note)


def _all_columns(facts: Sequence[ColumnFacts]) -> Table:
    head = (
        "column",
        "kind",
        "distinct",
        "missing",
        "lowest",
        "5% quantile",
        "median",
        "95% quantile",
        "highest",
        "class separation",
    )
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
    return Table(head, rows, text_columns=2)


def _psi_bar(value: float | None, scale: float) -> Markup:
    value = value or 0.0
    return bar(value / scale, "fraud" if value > MOVED_PSI else "legit")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(count: int, total: int) -> str:
    return f"{count / total:.2%}" if total else "-"
