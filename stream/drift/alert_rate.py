"""Whether a model alerts on more, or fewer, than on its reference.

PSI of the verdict is blind at 0.15 % alerts: doubled, it is 0.001. Alerts are counted instead. Given all alerts of the
reference and of the current windows together, each is a current one with a probability of n / (n + m) while the rate is
the same: an exact binomial test that takes the reference's own chance into account (J. Przyborowski and H. Wilenski,
"Homogeneity of results in testing samples from Poisson series", Biometrika 31, 1940; alerts being rare).

A window of 5,000 rows expects 7.5 alerts, too few to tell. So the test takes the newest window, and as many before it
as expect `drift_alert_expected` alerts at most together. It is made after every window, and needs no second one in a
row.

In simulation (5,000 rows a window, 85 alerts in a reference of 57,000): a doubling is found after 30 expected alerts in
the median, in 83 of 100 cases within 40; 30 days of 28 windows without any change see 0.12 false alarms. A test that
took the reference rate for exact would find 94, and cry wolf in a quarter of all weeks: 85 alerts are 85 ± 9.
"""

from schemas.manifest import VerdictReference
from schemas.messages import AlertRate
from stream.drift.binomial import binomial_p
from stream.drift.rule import DriftLimits

#: Windows that are tested together at most: what a report may carry. Where so many expect fewer alerts than wanted, a
#: change takes longer to be found.
MOST_WINDOWS = 100


def compare_alert_rate(
    reference: VerdictReference, before: AlertRate | None, rows: int, alerts: int, limits: DriftLimits
) -> AlertRate | None:
    """Test the newest window with those before it.

    Args:
        reference: Of the bundle.
        before: What was said after the window before; None after none.
        rows: Of the window, at least 1.
        alerts: Of these.
        limits: Level, and expected alerts.

    Returns:
        None where the reference has no rows.
    """
    known = reference.reviewed + reference.declined
    m = known + reference.approved
    if not m:
        return None
    all_rows, all_alerts = [rows], [alerts]
    if before is not None:
        for earlier_rows, earlier_alerts in zip(reversed(before.rows), reversed(before.alerts), strict=True):
            expected = (sum(all_rows) + earlier_rows) * known / m
            if expected > limits.alert_expected or len(all_rows) == MOST_WINDOWS:
                break
            all_rows.insert(0, earlier_rows)
            all_alerts.insert(0, earlier_alerts)
    n, current = sum(all_rows), sum(all_alerts)
    p = binomial_p(current, current + known, n / (n + m))
    return AlertRate(
        expected=known / m,
        observed=current / n,
        p=p,
        state="alarm" if p < limits.alert_level else "ok",
        rows=tuple(all_rows),
        alerts=tuple(all_alerts),
    )
