"""Precision and recall without labels, from calibrated scores.

A score is P(fraud). So of the alerts as many are expected to be frauds as their scores add up to, and of all frauds as
all scores do:

    precision ≈ Σ_alerts s / alerts,  recall ≈ Σ_alerts s / Σ s

(the idea of confidence-based performance estimation: D. Hendrycks and K. Gimpel, arXiv:1610.02136; C. Guillory et al.,
arXiv:2107.03315). **It assumes that P(label│input) is what it was at training, and that the scores are calibrated.** It
follows a change of what comes in. Concept drift, frauds that look otherwise, it can't see: the estimate stands still
while the true figures fall. Only labels tell.
"""

from dataclasses import dataclass

from stream.drift.binomial import binomial_p


@dataclass(frozen=True, slots=True)
class LabelFree:
    """Estimates in [0, 1]; None where there is nothing to estimate from."""

    precision: float | None
    recall: float | None


def estimate(score_sum: float, alert_score_sum: float, alerts: int) -> LabelFree:
    """Estimate precision and recall of the alerts of a window; see the module's text for what this assumes.

    Args:
        score_sum: Of all scores.
        alert_score_sum: Of the scores of alerts.
        alerts: How many.

    >>> estimate(score_sum=12.0, alert_score_sum=9.0, alerts=10)
    LabelFree(precision=0.9, recall=0.75)
    """
    return LabelFree(
        alert_score_sum / alerts if alerts else None,
        alert_score_sum / score_sum if score_sum > 0 else None,
    )


def calibration_p(mean_score: float, rows: int, frauds: int) -> float:
    """Test the mean score against the fraud rate of matured rows; two-sided, small where scores are no probabilities.

    Binomial of the mean. True scores differ from each other, which only narrows the tails (W. Hoeffding, "On the
    distribution of the number of successes in independent trials", Ann. Math. Stat. 27, 1956): the test errs on the
    quiet side.

    Args:
        mean_score: In [0, 1], of the same rows.
        rows: Old enough that a missing label means legitimate.
        frauds: Of these.

    >>> calibration_p(0.0017, 20_000, 34) > 0.9, calibration_p(0.0017, 20_000, 80) < 1e-6
    (True, True)
    """
    return binomial_p(frauds, rows, mean_score)
