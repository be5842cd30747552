"""Precision and recall without labels, estimated from calibrated scores.

A score is P(fraud). So the expected number of frauds among the alerts is the sum of the alerts' scores, and the
expected total number of frauds is the sum of all scores:

    precision ≈ Σ_alerts s / alerts,  recall ≈ Σ_alerts s / Σ s

This is confidence-based performance estimation (D. Hendrycks and K. Gimpel, arXiv:1610.02136; C. Guillory et al.,
arXiv:2107.03315). **It assumes that P(label│input) has not changed since training, and that scores are calibrated.**
The estimate tracks data drift, but cannot detect concept drift, such as a new kind of fraud: the estimate stays the
same while true precision and recall fall. Only labels reveal concept drift.
"""

from dataclasses import dataclass

from stream.drift.significance import binomial_p


@dataclass(frozen=True, slots=True)
class LabelFreeEstimate:
    """Estimated precision and recall in [0, 1]; None if there are no alerts or scores to estimate from."""

    precision: float | None
    recall: float | None


def estimate(score_sum: float, alert_score_sum: float, alerts: int) -> LabelFreeEstimate:
    """Estimate the precision and recall of the alerts in a window; the module's docstring states the assumptions.

    Args:
        score_sum: Sum of all scores in the window.
        alert_score_sum: Sum of the scores of the window's alerts.
        alerts: Number of alerts in the window.

    >>> estimate(score_sum=12.0, alert_score_sum=9.0, alerts=10)
    LabelFreeEstimate(precision=0.9, recall=0.75)
    """
    return LabelFreeEstimate(
        alert_score_sum / alerts if alerts else None,
        alert_score_sum / score_sum if score_sum > 0 else None,
    )


def calibration_p(mean_score: float, rows: int, frauds: int) -> float:
    """Return the two-sided p-value of the number of matured frauds, given the mean score.

    A small p-value means that the scores are not calibrated probabilities.

    This is a binomial test with the mean score as the probability. Actual scores differ from row to row, which only
    narrows the tails (W. Hoeffding, "On the distribution of the number of successes in independent trials", Ann. Math.
    Stat. 27, 1956), so the test is conservative.

    Args:
        mean_score: Mean score of the rows, in [0, 1].
        rows: Number of matured rows, that is, rows old enough that a missing label means legitimate.
        frauds: Number of frauds among the matured rows.

    >>> calibration_p(0.0017, 20_000, 34) > 0.9, calibration_p(0.0017, 20_000, 80) < 1e-6
    (True, True)
    """
    return binomial_p(frauds, rows, mean_score)
