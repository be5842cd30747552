"""How soon a doubled alert rate is detected, measured in alerts expected until then."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.drift_lab.windows import WindowSample
from schemas.manifest import VerdictReference
from schemas.messages import AlertRate
from stream.drift.alarm_rule import DriftLimits
from stream.drift.alert_rate import compare_alert_rate
from stream.scoring.policy import severities

#: The project's target: a doubled alert rate is detected before this many alerts would have been expected.
TARGET_ALERTS = 40
#: Alert rate for which the target is set; the lab's own champion has a higher alert rate.
RARE_RATE = 0.0015
#: Number of windows before the onset, so that the test starts with ordinary rows only.
_BEFORE = 12
#: Number of expected alerts after the onset at which a repetition ends as undetected.
_MAX_EXPECTED = 4 * TARGET_ALERTS


@dataclass(frozen=True)
class DoubledRateResult:
    """How often and how soon the doubling of one alert rate is detected."""

    #: Alert rate in the reference.
    rate: float
    #: Share of the repetitions detected before `TARGET_ALERTS` alerts would have been expected.
    detected: float
    #: Share of the repetitions detected by the end of the window in which that number of alerts is reached.
    detected_by_window: float
    #: Alerts expected between onset and alarm in the detected repetitions: median and 95% quantile.
    median: float
    high: float


def double_alert_rates(sample: WindowSample, repetitions: int, seed: int) -> list[DoubledRateResult]:
    """Simulate a doubling of the champion's own alert rate, and of `RARE_RATE`, and return the two results.

    Returns an empty list if the bundle has no verdict reference.
    """
    reference = sample.stream.manifest.verdict_reference
    random = np.random.default_rng(seed)
    if reference is None:
        return []
    total = reference.approved + reference.reviewed + reference.declined
    rare = VerdictReference(total - round(RARE_RATE * total), round(RARE_RATE * total), 0)
    return [_double_rate(each, sample.limits, repetitions, random) for each in (reference, rare)]


def alert_rate_alarms(sample: WindowSample) -> int:
    """Return the number of alert-rate alarms in undisturbed windows, counting consecutive alarms once."""
    reference, scored = sample.stream.manifest.verdict_reference, sample.stream.scored
    if reference is None:
        return 0
    alerted = severities(scored.scores, sample.stream.manifest.policy, scored.amount_minor) > 0
    rates = _compare_rates(reference, alerted[sample.row_indices].sum(axis=1).tolist(), sample.limits)
    alarms = [each is not None and each.state == "alarm" for each in rates]
    return sum(now and not before for before, now in zip([False, *alarms], alarms, strict=False))


def _double_rate(
    reference: VerdictReference, limits: DriftLimits, repetitions: int, random: np.random.Generator
) -> DoubledRateResult:
    reference_alerts = reference.reviewed + reference.declined
    rate = reference_alerts / (reference_alerts + reference.approved)
    rows = limits.window_rows
    windows_after = int(np.ceil(_MAX_EXPECTED / (rows * rate)))
    expected_alerts = []
    for _ in range(repetitions):
        clean = int(random.integers(rows))
        alerts = np.concatenate(
            [
                random.binomial(rows, rate, size=_BEFORE),
                random.binomial(clean, rate, size=1) + random.binomial(rows - clean, 2 * rate, size=1),
                random.binomial(rows, 2 * rate, size=windows_after),
            ]
        )
        rates = _compare_rates(reference, alerts.tolist(), limits)[_BEFORE:]
        first = next((i for i, each in enumerate(rates) if each is not None and each.state == "alarm"), None)
        expected_alerts.append(np.inf if first is None else ((first + 1) * rows - clean) * rate)
    expected = np.array(expected_alerts)
    detected = expected[np.isfinite(expected)]
    median, high = np.quantile(detected, (0.5, 0.95)) if len(detected) else (np.inf, np.inf)
    in_time, by_window = (float((expected <= limit).mean()) for limit in (TARGET_ALERTS, TARGET_ALERTS + rows * rate))
    return DoubledRateResult(rate, in_time, by_window, float(median), float(high))


def _compare_rates(reference: VerdictReference, alerts: Sequence[int], limits: DriftLimits) -> list[AlertRate | None]:
    """Return the result of the alert-rate test after each window."""
    rates: list[AlertRate | None] = []
    for count in alerts:
        rates.append(compare_alert_rate(reference, rates[-1] if rates else None, limits.window_rows, count, limits))
    return rates
