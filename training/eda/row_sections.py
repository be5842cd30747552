"""The sections of the data report on rows: class balance, hour and amount, and duplicates.

Each function returns the context of one section of `training/pages/templates/eda.html.j2`.
"""

import numpy as np

from training.eda.duplicates import Duplicates
from training.eda.groups import HOURS, band_names, by_band, by_hour, frauds_by_hour_and_band, over_time
from training.eda.measures import Counts
from training.eda.plots import rate_by, shares_by_part, timeline
from training.eda.rows import PARTS, Rows
from training.pages.elements import Context, Panel, Table, heat_map


def class_balance(rows: Rows, part: Counts) -> Context:
    """Return the number of frauds over time and in each split."""
    in_part = np.bincount(part, minlength=len(PARTS))
    frauds = np.bincount(part[rows.label == 1], minlength=len(PARTS))
    totals, fraud_totals = np.append(in_part, in_part.sum()), np.append(frauds, frauds.sum())
    starts = [int(rows.event_time_ms[part == index][0]) for index in range(len(PARTS)) if in_part[index]]
    counted = over_time(rows)
    cells = [
        (
            name,
            f"{count:,}",
            f"{hits:,}",
            f"{hits / count:.3%}" if count else "-",
            f"{count // hits:,}" if hits else "-",
        )
        for name, count, hits in zip((*PARTS, "all"), totals.tolist(), fraud_totals.tolist(), strict=True)
    ]
    return {
        "panels": [
            Panel("Over time (UTC)", timeline(counted.edges_ms, counted.by_class, starts)),
            Panel("Fraud rate", shares_by_part(totals, fraud_totals)),
        ],
        "table": Table(("split", "rows", "frauds", "fraud rate", "rows per fraud"), cells),
    }


def hour_and_amount(rows: Rows) -> Context:
    """Return the number of frauds by hour of the day, by amount, and by both."""
    bands, hours = band_names(), [str(hour) for hour in range(HOURS)]
    frauds = frauds_by_hour_and_band(rows)
    tooltips = [
        [f"{hour}:00 to {hour}:59 UTC, amount from {band}: {frauds[i, hour]} frauds" for hour in range(HOURS)]
        for i, band in enumerate(bands)
    ]
    squares = heat_map(frauds / max(int(frauds.max()), 1), bands, hours, tooltips)
    lost = int(rows.amount_minor[rows.label == 1].sum())
    return {
        "fraud_amount": f"{lost / 100:,.0f}",
        "fraud_amount_share": f"{lost / max(int(rows.amount_minor.sum()), 1):.2%}",
        "panels": [
            Panel("By hour of the day", rate_by(hours, by_hour(rows), "hour (UTC)")),
            Panel("By amount", rate_by(bands, by_band(rows), "amount")),
            Panel("Frauds by amount and hour (UTC)", squares),
        ],
    }


def duplicates(counted: Duplicates, rows: int) -> Context:
    """Return how many rows appear more than once, by kind of repetition."""
    cells = [
        (name, f"{count:,}", f"{count / rows:.3%}")
        for name, count in (
            ("identical to an earlier row in every column", counted.repeats),
            ("frauds among them", counted.repeated_frauds),
            ("same amount and features as an earlier row, at any time", counted.same_values),
            ("frauds among them", counted.same_values_frauds),
            ("validation or test row with the same amount and features as a training row", counted.same_values_across),
            ("same amount and features as a row with the other label", counted.contradictory),
            ("same transaction id as an earlier row", counted.repeated_ids),
        )
    ]
    return {"table": Table(("kind of duplicate", "rows", "share of all rows"), cells)}
