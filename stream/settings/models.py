"""Settings for models: where they come from, how they are evaluated and when they are replaced."""

from typing import Annotated

from msgspec import Meta, Struct

from stream.settings.types import OnOff, PositiveFloat, PositiveInt


class BundleSettings(Struct, frozen=True):
    """Settings for the bundle store, from which models are loaded."""

    #: fsspec URL of the bundle store.
    store: str = "var/bundles"


class ScoringSettings(Struct, frozen=True):
    """Settings that limit scoring."""

    #: Maximum size of a transaction in bytes; a larger transaction becomes a dead letter.
    max_transaction_bytes: PositiveInt = 65536
    #: Maximum number of reasons to give with an alert.
    max_reasons: Annotated[int, Meta(ge=0, le=20)] = 5


class RollbackSettings(Struct, frozen=True):
    """Settings for the rollback monitor, which rolls back a promoted champion that leaves its bounds."""

    #: Whether this worker takes part in the election of the rollback monitor. The worker publishes counts either way.
    monitor: OnOff = "on"
    #: Seconds between role-counts messages.
    interval_s: PositiveFloat = 1.0
    #: Minimum number of transactions in a block, the unit of comparison. At most 20,000 blocks are kept for each model
    #: and policy, so a busy stream uses larger blocks.
    block_transactions: Annotated[int, Meta(ge=1000)] = 1000
    #: Number of blocks that a shadow period needs for bounds of its own; with fewer, the bounds come from the previous
    #: champion's period. The blocks should cover a full cycle of the stream, usually a day; otherwise an hour
    #: that differs from all earlier hours looks like a fault.
    min_blocks: Annotated[int, Meta(ge=8)] = 100
    #: Number of blocks to monitor after a promotion.
    monitored_blocks: Annotated[int, Meta(ge=8)] = 1000
    #: Upper bound on the probability that a healthy promotion is rolled back.
    alpha: Annotated[float, Meta(ge=1e-6, le=0.1)] = 0.001
    #: Alert rate, as a multiple of the previous champion's highest, above which a champion is rolled back whatever its
    #: shadow period allowed.
    alert_multiple: Annotated[float, Meta(gt=1)] = 3.0
    #: Milliseconds above which scoring up to 250 transactions counts as slow; rounded up to a power of two.
    slow_ms: Annotated[int, Meta(ge=1, le=1024)] = 64


class DriftSettings(Struct, frozen=True):
    """Settings for the drift monitor, which compares inputs and scores with the bundle's reference."""

    #: Whether this worker counts inputs and scores for drift and takes part in the election of the drift monitor.
    monitor: OnOff = "on"
    #: Minimum number of transactions per model in a window. With 5,000, a tenth of a percent is five transactions,
    #: and PSI under no change (χ²) stays below 0.01. Bundles record natural movement for a few window
    #: sizes; the next smaller size applies.
    window_rows: Annotated[int, Meta(ge=100)] = 5000
    #: Minimum seconds of event time in a window; with 0, only the number of rows counts. Use a day (86400) if traffic
    #: differs between day and night.
    window_s: Annotated[float, Meta(ge=0)] = 0.0
    #: Seconds of event time that are counted together: the step by which the rolling display moves.
    pane_s: PositiveInt = 600
    #: Seconds of event time in the rolling display.
    rolling_s: PositiveInt = 86_400
    #: Seconds between drift-counts messages for one model. A killed worker may lose about this many seconds of counts.
    interval_s: PositiveFloat = 1.0
    #: PSI above which a window counts as moved. 0.1 is "some change" in credit scoring, where PSI comes from.
    psi: PositiveFloat = 0.1
    #: KS statistic above which a window counts as moved, if its p-value is also significant. With 5,000 transactions, a
    #: statistic of 0.03 is significant but irrelevant.
    ks: Annotated[float, Meta(ge=0.001, le=1)] = 0.1
    #: Probability that any column in a window without drift is significant, for KS (Holm) and PSI's χ² (Bonferroni).
    alpha: Annotated[float, Meta(ge=1e-6, le=0.2)] = 0.01
    #: Amount by which PSI must exceed a column's natural movement to page an operator. 0.25 is "a different
    #: population" in credit scoring.
    page_psi: PositiveFloat = 0.25
    #: Number of consecutive moved windows that raise an alarm: a single window may be an unusual hour.
    windows_in_a_row: Annotated[int, Meta(ge=1, le=100)] = 2
    #: Two-sided p-value below which the alert rate raises an alarm; tested after every window.
    alert_alpha: Annotated[float, Meta(ge=1e-6, le=0.2)] = 0.001
    #: Maximum number of expected alerts that one test of the alert rate covers, over as many windows as needed.
    #: With 40, the test detects a doubling of the alert rate.
    alert_expected: PositiveFloat = 40.0


class GateSettings(Struct, frozen=True):
    """Settings for the gate, the sequential test of a challenger against the champion."""

    #: Days after which a transaction without a label counts as legitimate: the time that chargebacks may take.
    maturity_days: PositiveInt = 45
    #: Hours of event time in one cohort; cohorts of about ten frauds work best.
    cohort_hours: PositiveInt = 24
    #: Hours within which frauds on one card count as one spell.
    spell_hours: Annotated[int, Meta(ge=0)] = 72
    #: Seconds between checks for cohorts that have closed.
    interval_s: PositiveFloat = 60.0
    #: Cap on the amount of a single fraud, in minor units; 0 derives the cap from earlier frauds.
    cap_minor: Annotated[int, Meta(ge=0)] = 0
    #: Cost in minor units of one analyst review, and of one customer who is wrongly declined.
    review_cost_minor: Annotated[int, Meta(ge=0)] = 500
    false_decline_cost_minor: Annotated[int, Meta(ge=0)] = 2000


class RetrainSettings(Struct, frozen=True):
    """Settings for requests to train a new model."""

    #: Days within which drift, performance and schedule each request a new model at most once: inputs that have moved
    #: stay moved, and a second request is useless until new days have labels.
    cooldown_days: Annotated[float, Meta(ge=0)] = 7.0
    #: Minimum number of matured frauds for training: with fewer, the PR-AUC's interval is wider than any gain.
    min_frauds: PositiveInt = 200
    #: Days of event time in the training data, which ends with the newest day that has matured. Older fraud follows
    #: other patterns.
    days: PositiveInt = 400
