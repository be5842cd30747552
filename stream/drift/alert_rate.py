"""A test of the current alert rate against the alert rate in the reference.

PSI of the verdict cannot detect such a change: if 0.15 % of transactions are alerted, a doubled rate has a PSI of
0.001. So alerts are counted. As long as the rate is unchanged, each alert in the reference (m rows) or the current
windows (n rows) is in the current windows with probability n / (n + m). This gives an exact binomial test, which
accounts for the reference's own sampling error (J. Przyborowski and H. Wilenski, "Homogeneity of results in testing
samples from Poisson series", Biometrika 31, 1940; it applies because alerts are rare).

In a window of 5,000 rows, 7.5 alerts are expected, too few for a test. So the newest window is tested together with
earlier windows: as many as possible without expecting more than `drift_alert_expected` alerts in total. The test runs
after every window, and a single significant result raises an alarm.

In simulation (5,000 rows per window, 85 alerts in a reference of 57,000 rows), a doubled rate is detected after 30
expected alerts in the median, and within 40 expected alerts in 83 of 100 cases. 30 days with 28 windows each and no
change raise 0.12 false alarms on average. A test that took the reference rate as exact would detect 94 of 100 cases,
but raise a false alarm in a quarter of all weeks, because 85 alerts are really 85 ± 9.
"""

from schemas.manifest import VerdictReference
from schemas.messages import AlertRate
from stream.drift.alarm_rule import DriftLimits
from stream.drift.significance import binomial_p

#: Largest number of windows tested together, which bounds the size of a report. If fewer than `drift_alert_expected`
#: alerts are expected in this many windows, a change takes longer to detect.
MAX_WINDOWS = 100


def compare_alert_rate(
    reference: VerdictReference, before: AlertRate | None, rows: int, alerts: int, limits: DriftLimits
) -> AlertRate | None:
    """Test the alert rate in the newest window together with the windows before it.

    Args:
        reference: Verdict counts in the bundle's reference.
        before: Result after the previous window; None for the first window.
        rows: Number of rows in the newest window, at least 1.
        alerts: Number of alerts in the newest window.
        limits: Limits with the test's error probability and number of expected alerts.

    Returns:
        The result of the test; None if the reference has no rows.
    """
    reference_alerts = reference.reviewed + reference.declined
    m = reference_alerts + reference.approved
    if not m:
        return None
    all_rows, all_alerts = [rows], [alerts]
    if before is not None:
        for earlier_rows, earlier_alerts in zip(reversed(before.rows), reversed(before.alerts), strict=True):
            expected = (sum(all_rows) + earlier_rows) * reference_alerts / m
            if expected > limits.alert_expected or len(all_rows) == MAX_WINDOWS:
                break
            all_rows.insert(0, earlier_rows)
            all_alerts.insert(0, earlier_alerts)
    n, current = sum(all_rows), sum(all_alerts)
    p = binomial_p(current, current + reference_alerts, n / (n + m))
    return AlertRate(
        expected=reference_alerts / m,
        observed=current / n,
        p=p,
        state="alarm" if p < limits.alert_alpha else "ok",
        rows=tuple(all_rows),
        alerts=tuple(all_alerts),
    )
