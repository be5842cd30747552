"""Sections about the rows: how many, when, of what amount, how often the same."""

from collections.abc import Sequence

import numpy as np

from training.eda.charts import heat_map, rate_by, shares_by_part, timeline
from training.eda.duplicates import Duplicates
from training.eda.findings import Finding
from training.eda.groups import HOURS, band_names, by_band, by_hour, frauds_by_hour_and_band, over_time
from training.eda.html import Html, card, element, join, table
from training.eda.measures import Counts
from training.eda.rows import PARTS, Rows


def overview(tiles: Sequence[tuple[str, str]], facts: Sequence[tuple[str, str]], found: Sequence[Finding]) -> Html:
    """Figures at a glance, the data's identity, and what to know first."""
    boxes = (element("div", element("b", value), element("span", name), class_="tile") for name, value in tiles)
    items = [element("li", finding.text, class_="act" if finding.act else "note") for finding in found]
    return join(
        [
            element("div", *boxes, class_="tiles"),
            element("h3", "What to know before training"),
            element("ul", *(items or [element("li", "Nothing stands out.", class_="note")]), class_="findings"),
            table(("", ""), facts, text_columns=2),
        ]
    )


def class_balance(rows: Rows, part: Counts) -> Html:
    """How many frauds there are, over time and in each part."""
    every = np.bincount(part, minlength=len(PARTS))
    frauds = np.bincount(part[rows.label == 1], minlength=len(PARTS))
    every_and_all, frauds_and_all = np.append(every, every.sum()), np.append(frauds, frauds.sum())
    starts = [int(rows.event_time_ms[part == index][0]) for index in range(len(PARTS)) if every[index]]
    counted = over_time(rows)
    cells = [
        (name, f"{of:,}", f"{hits:,}", f"{hits / of:.3%}" if of else "-", f"{of // hits:,}" if hits else "-")
        for name, of, hits in zip((*PARTS, "all"), every_and_all.tolist(), frauds_and_all.tolist(), strict=True)
    ]
    return join(
        [
            element(
                "div",
                card("Over time (UTC)", timeline(counted.edges_ms, counted.by_class, starts)),
                card("Share of frauds", shares_by_part(every_and_all, frauds_and_all)),
                class_="grid",
            ),
            table(("part", "rows", "frauds", "share", "rows a fraud"), cells),
        ]
    )


def hour_and_amount(rows: Rows) -> Html:
    """Frauds by hour of the day, by amount, and by both."""
    bands = band_names()
    frauds = frauds_by_hour_and_band(rows)
    texts = [
        [f"{hour}:00 to {hour}:59 UTC, amount from {band}: {frauds[i, hour]} frauds" for hour in range(HOURS)]
        for i, band in enumerate(bands)
    ]
    squares = heat_map(frauds / max(int(frauds.max()), 1), bands, [str(hour) for hour in range(HOURS)], texts)
    lost = int(rows.amount_minor[rows.label == 1].sum())
    share = lost / max(int(rows.amount_minor.sum()), 1)
    return join(
        [
            element(
                "p",
                f"Frauds are worth {lost / 100:,.0f}, {share:.2%} of all amounts. Amounts are in units of 100 minor "
                "units; a band is named by its lower end.",
            ),
            element(
                "div",
                card("By hour of the day", rate_by([str(hour) for hour in range(HOURS)], by_hour(rows), "hour (UTC)")),
                card("By amount", rate_by(bands, by_band(rows), "amount")),
                card("Frauds by amount and hour (UTC)", squares),
                class_="grid",
            ),
        ]
    )


def duplicates(found: Duplicates, rows: int) -> Html:
    """Rows that are there more than once."""
    cells = [
        (name, f"{count:,}", f"{count / rows:.3%}")
        for name, count in (
            ("equal an earlier row in every column", found.repeats),
            ("of these, frauds", found.repeated_frauds),
            ("equal an earlier row in amount and features, whatever the time", found.alike),
            ("of these, frauds", found.alike_frauds),
            ("validation or test rows with the amount and features of a train row", found.alike_across),
            ("have the amount and features of a row with the other label", found.contradictory),
            ("repeat an earlier row's transaction id", found.repeated_ids),
        )
    ]
    return table(("rows that", "rows", "of all"), cells)
