"""The cost of decisions, in minor units of the transactions' currency, with documented default settings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import SettingsError
from training.models.fitted import Labels


@dataclass(frozen=True)
class Costs:
    """Cost of each verdict on each transaction.

    |            | approve | review                                              | decline                  |
    |------------|---------|-----------------------------------------------------|--------------------------|
    | legitimate | 0       | review_cost_minor                                   | false_decline_cost_minor |
    | fraud      | amount  | review_cost_minor + (1 - recovered_share) · amount  | 0                        |

    Costs that depend on the amount of each transaction follow A. Correa Bahnsen et al., "Cost Sensitive Credit Card
    Fraud Detection using Bayes Minimum Risk", ICMLA 2013. The defaults are assumptions for a currency with cents.
    Replace them with your own, because they decide which policy is best.

    Raises:
        SettingsError: If a cost is negative or the share is not between 0 and 1.
    """

    #: Cost of an analyst's time for reviewing one transaction.
    review_cost_minor: int = 500
    #: Share of a reviewed fraud's amount that is recovered; the rest is lost before the review.
    recovered_share: float = 0.9
    #: Cost of wrongly declining a customer: calls and lost business.
    false_decline_cost_minor: int = 2000

    def __post_init__(self) -> None:
        for name in ("review_cost_minor", "false_decline_cost_minor"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name} must not be negative; give 0 or more minor units of the currency")
        if not 0 <= self.recovered_share <= 1:
            raise SettingsError(
                "recovered_share must be between 0 and 1: the share of a reviewed fraud's amount that is recovered"
            )

    def of_verdicts(
        self, verdicts: NDArray[np.intp], labels: Labels, amount_minor: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the cost (n,) of each transaction. `verdicts` are indices into `stream.scoring.policy.VERDICTS`.

        >>> fraud, amounts = np.array([0, 0, 0, 1, 1, 1], dtype=np.int8), np.full(6, 10_000)
        >>> Costs().of_verdicts(np.array([0, 1, 2, 0, 1, 2]), fraud, amounts).round(2).tolist()
        [0.0, 500.0, 2000.0, 10000.0, 1500.0, 0.0]
        """
        fraud_amount = labels * amount_minor.astype(np.float64)
        reviewed = self.review_cost_minor + (1 - self.recovered_share) * fraud_amount
        declined = self.false_decline_cost_minor * (1.0 - labels)
        return np.choose(verdicts, [fraud_amount, reviewed, declined])
