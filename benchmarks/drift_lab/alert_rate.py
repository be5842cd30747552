"""The alert rate doubles: how many alerts ought to have come until that is found."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.drift_lab.bank import Bank
from schemas.manifest import VerdictReference
from schemas.messages import AlertRate
from stream.drift.alarm_rule import DriftLimits
from stream.drift.alert_rate import compare_alert_rate
from stream.scoring.policy import severities

#: Alerts that may be expected until a doubling is found, as the project promises.
PROMISED = 40
#: Share of alerts that the promise is made for; the lab's own champion alerts on more.
RARE = 0.0015
#: Windows before the onset, so that the tested ones are full of ordinary rows.
_BEFORE = 12
#: Alerts that would be expected after the onset, until a repetition is given up.
_GIVEN_UP = 4 * PROMISED


@dataclass(frozen=True)
class Doubled:
    """What came of doubling one alert rate."""

    #: Share of alerts in the reference.
    rate: float
    #: Share of the repetitions in which it was found by the time `PROMISED` alerts would have been expected.
    found: float
    #: The same by the end of the window in which that is: an alarm waits for its window.
    found_by_window: float
    #: Alerts expected from the onset to the alarm: median and 95 % quantile, of those found at all.
    median: float
    high: float


def alert_rates(bank: Bank, repetitions: int, seed: int) -> list[Doubled]:
    """Double the champion's own alert rate, and one of `RARE`."""
    own = bank.world.manifest.verdict_reference
    random = np.random.default_rng(seed)
    if own is None:
        return []
    total = own.approved + own.reviewed + own.declined
    rare = VerdictReference(total - round(RARE * total), round(RARE * total), 0)
    return [_doubled(each, bank.limits, repetitions, random) for each in (own, rare)]


def false_alert_alarms(bank: Bank) -> int:
    """Return how many alarms the alert rate raises over a bank's undisturbed windows; one that lasts is one."""
    reference, scored = bank.world.manifest.verdict_reference, bank.world.scored
    if reference is None:
        return 0
    alerted = severities(scored.scores, bank.world.manifest.policy, scored.amount_minor) > 0
    told = _tests(reference, alerted[bank.drawn].sum(axis=1).tolist(), bank.limits)
    alarms = [each is not None and each.state == "alarm" for each in told]
    return sum(now and not before for before, now in zip([False, *alarms], alarms, strict=False))


def _doubled(
    reference: VerdictReference, limits: DriftLimits, repetitions: int, random: np.random.Generator
) -> Doubled:
    known = reference.reviewed + reference.declined
    rate = known / (known + reference.approved)
    rows = limits.window_rows
    after = int(np.ceil(_GIVEN_UP / (rows * rate)))
    delays = []
    for _ in range(repetitions):
        clean = int(random.integers(rows))
        alerts = np.concatenate(
            [
                random.binomial(rows, rate, size=_BEFORE),
                random.binomial(clean, rate, size=1) + random.binomial(rows - clean, 2 * rate, size=1),
                random.binomial(rows, 2 * rate, size=after),
            ]
        )
        told = _tests(reference, alerts.tolist(), limits)[_BEFORE:]
        first = next((i for i, each in enumerate(told) if each is not None and each.state == "alarm"), None)
        delays.append(np.inf if first is None else ((first + 1) * rows - clean) * rate)
    found = np.array(delays)
    some = found[np.isfinite(found)]
    median, high = np.quantile(some, (0.5, 0.95)) if len(some) else (np.inf, np.inf)
    by_then, by_window = (float((found <= limit).mean()) for limit in (PROMISED, PROMISED + rows * rate))
    return Doubled(rate, by_then, by_window, float(median), float(high))


def _tests(reference: VerdictReference, alerts: Sequence[int], limits: DriftLimits) -> list[AlertRate | None]:
    told: list[AlertRate | None] = []
    for count in alerts:
        told.append(compare_alert_rate(reference, told[-1] if told else None, limits.window_rows, count, limits))
    return told
