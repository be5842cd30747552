"""Precision and recall without labels, estimated from calibrated scores.

A score is P(fraud). So the expected number of frauds among the alerts is the sum of their scores, and the expected
number of all frauds is the sum of all scores:

    precision ≈ Σ_alerts s / alerts,  recall ≈ Σ_alerts s / Σ s

This is confidence-based performance estimation (D. Hendrycks and K. Gimpel, arXiv:1610.02136; C. Guillory et al.,
arXiv:2107.03315). **It assumes that P(label│input) has not changed since training, and that scores are calibrated.**
It follows data drift. It cannot see concept drift, such as a new kind of fraud: the estimate stays the same while the
true figures fall. Only labels reveal that.
"""

from dataclasses import dataclass

from stream.drift.significance import binomial_p


@dataclass(frozen=True, slots=True)
class LabelFreeEstimate:
    """Estimated precision and recall in [0, 1]; None if there is nothing to estimate from."""

    precision: float | None
    recall: float | None


def estimate(score_sum: float, alert_score_sum: float, alerts: int) -> LabelFreeEstimate:
    """Estimate precision and recall of the alerts of a window; see the module's docstring for the assumptions.

    Args:
        score_sum: Sum of all scores.
        alert_score_sum: Sum of the alerts' scores.
        alerts: Number of alerts.

    >>> estimate(score_sum=12.0, alert_score_sum=9.0, alerts=10)
    LabelFreeEstimate(precision=0.9, recall=0.75)
    """
    return LabelFreeEstimate(
        alert_score_sum / alerts if alerts else None,
        alert_score_sum / score_sum if score_sum > 0 else None,
    )


def calibration_p(mean_score: float, rows: int, frauds: int) -> float:
    """Return the two-sided p-value of matured frauds under the mean score; small if scores are not probabilities.

    It is a binomial test with the mean score as probability. The true scores differ from row to row, which only
    narrows the tails (W. Hoeffding, "On the distribution of the number of successes in independent trials", Ann. Math.
    Stat. 27, 1956), so the test is conservative.

    Args:
        mean_score: Mean score of the rows, in [0, 1].
        rows: Number of matured rows: old enough that a missing label means legitimate.
        frauds: Number of frauds among them.

    >>> calibration_p(0.0017, 20_000, 34) > 0.9, calibration_p(0.0017, 20_000, 80) < 1e-6
    (True, True)
    """
    return binomial_p(frauds, rows, mean_score)
