"""Drift counts and drift reports, on the topics `drift-counts` and `drift-reports`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages.fields import Count, Sha256


class DriftCounts(Struct, frozen=True):
    """Counts of one model's features and scores in one pane of event time, since the worker's previous message.

    Values are counted in the bins of the bundle's own reference (`stream.drift.binning`), so counts can be summed over
    workers and panes.
    """

    #: Slot of the worker.
    slot: str
    #: Id of the worker's process; each start gets a new id.
    instance: str
    #: Sequence number of the message, starting at 1 in each instance, by which readers recognise a repeated message.
    sequence: Annotated[int, Meta(ge=1)]
    #: Name of the model.
    name: str
    #: Version of the model.
    version: str
    #: SHA-256 of the manifest of the model's bundle.
    bundle_sha256: Sha256
    #: Whether the model is the champion.
    decides: bool
    #: Start of the pane, UTC milliseconds; None for rows dated too far ahead of the clock, which are in no pane. If
    #: rows are scattered over many panes at once, some are counted in a neighbouring pane.
    pane_ms: int | None
    #: Number of transactions counted.
    rows: Count
    #: By feature name: number of rows in each bin, then number of rows without a value.
    features: dict[str, tuple[Count, ...]]
    #: Number of rows in each bin of the score, then number of rows without a score.
    scores: tuple[Count, ...]
    #: Number of rows that the model's own policy would review, before exploration.
    reviews: Count
    #: Number of rows that the model's own policy would decline, before exploration.
    declines: Count
    #: Sum of all scores.
    score_sum: float
    #: Sum of the scores of reviewed and declined rows.
    alert_score_sum: float
    #: By partition of the transactions topic: the highest event time that is not too far ahead of the clock.
    event_times: dict[int, int]
    #: UTC milliseconds at which the counts were written.
    written_at_ms: int
    #: Version of the message's format.
    schema_version: Literal[1] = 1


DriftState = Literal["unknown", "ok", "high", "alarm", "page"]


class ColumnDrift(Struct, frozen=True):
    """How far one column of a window has moved from its reference.

    Statistics are None if the bundle has no reference for the column, or the window has no rows.
    """

    #: Population stability index against the reference.
    psi: float | None
    #: KS statistic; Jensen-Shannon distance for a categorical feature. In [0, 1].
    distance: float | None
    #: p-value of the KS statistic, corrected over all features and the score (Holm); None for a categorical feature.
    p: float | None
    #: Share of rows that have no value, in [0, 1].
    missing: float
    #: Limit above which PSI counts as high: the largest of the default, the natural quantile and the χ² critical value.
    psi_limit: float | None
    #: Limit that the KS statistic must also exceed; None for a categorical feature, for which PSI alone decides.
    distance_limit: float | None
    #: unknown: no reference. high: over a limit, but not yet in enough consecutive windows. page: an alarm far beyond
    #: its limits.
    state: DriftState
    #: Number of consecutive windows over a limit, up to and including the report's own window.
    in_a_row: Count


class AlertRate(Struct, frozen=True):
    """The alert rate in the most recent windows, compared with the bundle's reference by an exact binomial test."""

    #: Share of the reference rows that were alerted.
    expected: float
    #: Share of the tested rows that were alerted.
    observed: float
    #: Two-sided p-value.
    p: float
    #: alarm: the alert rate differs from the reference.
    state: Literal["ok", "alarm"]
    #: Rows in each of the windows tested together, oldest first; the last window is the report's own.
    rows: tuple[Count, ...]
    #: Alerts in each of the same windows.
    alerts: tuple[Count, ...]


class DriftReport(Struct, frozen=True):
    """The report on one closed window of one model.

    It is a pure function of `drift-counts`, so two writers write the same bytes.
    """

    #: Name of the model.
    name: str
    #: Version of the model.
    version: str
    #: SHA-256 of the manifest of the model's bundle; also the message's key.
    bundle_sha256: Sha256
    #: Whether the model is the champion.
    decides: bool
    #: Number of the window, counted from 1 for each model. A report that is written twice has the same number and
    #: content.
    number: Annotated[int, Meta(ge=1)]
    #: First offset of the range of `drift-counts` that contains the window's counts.
    first_offset: Count
    #: End of that range, exclusive.
    next_offset: Count
    #: Offset below which all counts, for every model, are in reports. A reader that resumes after this report starts at
    #: this offset.
    settled_offset: Count
    #: Start of the first pane, UTC milliseconds; None if every row was dated too far ahead.
    from_ms: int | None
    #: End of the last pane, UTC milliseconds; None if every row was dated too far ahead.
    until_ms: int | None
    #: Number of rows in the window.
    rows: Count
    #: Number of rows dated too far ahead of the clock; `rows` includes them.
    ahead: Count
    #: False if the window was closed before it was full, because the model's traffic ended.
    complete: bool
    #: Drift of each feature, by name.
    features: dict[str, ColumnDrift]
    #: Drift of the score.
    score: ColumnDrift
    #: None if the bundle has no reference for verdicts.
    alert_rate: AlertRate | None
    #: None if no row had a score.
    mean_score: float | None
    #: Precision estimated without labels; None if nothing was alerted. It assumes calibrated scores and an unchanged
    #: P(label│input), so it cannot show concept drift.
    expected_precision: float | None
    #: Recall estimated without labels, under the same assumptions; None if nothing was scored.
    expected_recall: float | None
    #: Share of windows of this size with a false alarm, as measured during training; None if it was not measured.
    false_alarm_rate: float | None
    #: By feature name: number of rows in each bin, then number of rows without a value.
    counts: dict[str, tuple[Count, ...]]
    #: Number of rows in each bin of the score, then number of rows without a score.
    score_counts: tuple[Count, ...]
    #: Number of rows that the model's own policy would review.
    reviews: Count
    #: Number of rows that the model's own policy would decline.
    declines: Count
    #: Time at which the counts that closed the window were written. The reporting worker's own clock is not used, so
    #: that two workers write the same report.
    written_at_ms: int
    #: Version of the message's format.
    schema_version: Literal[1] = 1
