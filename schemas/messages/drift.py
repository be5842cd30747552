"""Counts and reports of drift, on the topics `drift-counts` and `drift-reports`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages.fields import Count, Sha256


class DriftCounts(Struct, frozen=True):
    """Counts of one model's features and scores in one pane of event time, since the worker's previous message.

    Values are counted in the bins of the bundle's own reference (`stream.drift.binning`), so counts add up over workers
    and panes.
    """

    slot: str
    #: Identifies the worker's process; new with each start.
    instance: str
    #: Starts at 1 with each instance and rises by 1, so that readers recognise a repeated message.
    sequence: Annotated[int, Meta(ge=1)]
    name: str
    version: str
    bundle_sha256: Sha256
    #: Whether the model is the champion.
    decides: bool
    #: Start of the pane, UTC milliseconds; None for rows dated too far ahead of the clock, which are in no pane. If
    #: rows are scattered over many panes at once, some are counted in a neighbouring pane.
    pane_ms: int | None
    rows: Count
    #: By feature name: rows in each bin, rows without a value last.
    features: dict[str, tuple[Count, ...]]
    #: Rows in each bin, rows without a score last.
    scores: tuple[Count, ...]
    #: Verdicts by the model's own policy, before exploration.
    reviews: Count
    declines: Count
    #: Sum of all scores.
    score_sum: float
    #: Sum of the scores of reviewed and declined rows.
    alert_score_sum: float
    #: By partition of the transactions topic: the highest event time that is not too far ahead of the clock.
    event_times: dict[int, int]
    written_at_ms: int
    schema_version: Literal[1] = 1


DriftState = Literal["unknown", "ok", "high", "alarm", "page"]


class ColumnDrift(Struct, frozen=True):
    """How far one column of a window has moved from its reference.

    Statistics are None if the bundle has no reference for the column, or the window has no rows.
    """

    psi: float | None
    #: KS statistic; Jensen-Shannon distance for a categorical feature. In [0, 1].
    distance: float | None
    #: p-value of the KS statistic, corrected over all features and the score (Holm); None for a categorical feature.
    p: float | None
    #: Share of the rows without a value, in [0, 1].
    missing: float
    #: PSI alarms above this: the largest of the default, the natural quantile and the χ² critical value.
    psi_limit: float | None
    #: The KS statistic must also exceed this; None for a categorical feature, which alarms by PSI alone.
    distance_limit: float | None
    #: unknown: no reference. high: over a limit, but not yet in enough windows in a row. page: an alarm far beyond its
    #: limits.
    state: DriftState
    #: Windows over a limit in a row, this one included.
    in_a_row: Count


class AlertRate(Struct, frozen=True):
    """Alerts of the last windows compared with the bundle's own reference, by an exact binomial test."""

    #: Share of the reference rows that were alerted.
    expected: float
    #: Share of the tested rows that were alerted.
    observed: float
    #: Two-sided p-value.
    p: float
    state: Literal["ok", "alarm"]
    #: Rows of the windows that were tested together, oldest first; the last one is the report's own window.
    rows: tuple[Count, ...]
    #: Alerts of the same windows.
    alerts: tuple[Count, ...]


class DriftReport(Struct, frozen=True):
    """The report on one closed window of one model.

    It is a pure function of `drift-counts`, so two writers write the same bytes.
    """

    name: str
    version: str
    bundle_sha256: Sha256
    decides: bool
    #: Number of this model's window, from 1. A report that is written twice has the same number and content.
    number: Annotated[int, Meta(ge=1)]
    #: Range of `drift-counts` offsets that holds the window's counts, half-open.
    first_offset: Count
    next_offset: Count
    #: All counts below this offset are in reports, for every model. A reader that resumes after this report starts
    #: here.
    settled_offset: Count
    #: Start of the first pane and end of the last one, UTC milliseconds; None if every row was dated too far ahead.
    from_ms: int | None
    until_ms: int | None
    rows: Count
    #: Rows dated too far ahead of the clock; included in `rows`.
    ahead: Count
    #: False if the window was closed before it was full, because the model's traffic ended.
    complete: bool
    features: dict[str, ColumnDrift]
    score: ColumnDrift
    #: None if the bundle has no reference for it.
    alert_rate: AlertRate | None
    #: None if no row had a score.
    mean_score: float | None
    #: Label-free estimates; None if nothing was alerted or scored. They assume calibrated scores and an unchanged
    #: P(label│input), so they cannot show concept drift.
    expected_precision: float | None
    expected_recall: float | None
    #: Share of false alarms in windows of this size, as measured by training; None if training did not measure it.
    false_alarm_rate: float | None
    #: The window's counts, as in `DriftCounts`.
    counts: dict[str, tuple[Count, ...]]
    score_counts: tuple[Count, ...]
    reviews: Count
    declines: Count
    #: Time of the counts that closed the window; the writer's own clock would differ between writers.
    written_at_ms: int
    schema_version: Literal[1] = 1
