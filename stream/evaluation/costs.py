"""The cost of a verdict; a fraud's loss is capped, so that one huge fraud does not decide between two models."""

from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schemas.messages import AmountMinor


class CappedCosts(Struct, frozen=True):
    """Computes the cost of a verdict on a transaction in minor units, where loss = min(amount, cap_minor).

    |            | approve | review                                          | decline                  |
    |------------|---------|-------------------------------------------------|--------------------------|
    | legitimate | 0       | review_cost_minor                               | false_decline_cost_minor |
    | fraud      | loss    | review_cost_minor + (1 - recovered_share) · loss| 0                        |

    The form follows A. Correa Bahnsen et al., "Cost Sensitive Credit Card Fraud Detection using Bayes Minimum Risk",
    ICMLA 2013. Without a cap, the mean of heavy-tailed amounts has no useful bound, and testing the mean has no power.
    """

    #: Largest loss that counts for one fraud, in minor units.
    cap_minor: Annotated[int, Meta(ge=1, le=10**15)]
    #: Cost of an analyst's time for one review, in minor units.
    review_cost_minor: AmountMinor = 500
    #: Share of a reviewed fraud's loss that is recovered.
    recovered_share: Annotated[float, Meta(ge=0, le=1)] = 0.9
    #: Cost of declining a legitimate customer, in minor units.
    false_decline_cost_minor: AmountMinor = 2000

    def cost_of(
        self, verdicts: NDArray[np.integer], fraud: NDArray[np.bool_], amount_minor: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the (n,) costs of the transactions in minor units.

        Args:
            verdicts: (n,) indices into `stream.scoring.policy.VERDICTS`.
            fraud: (n,) whether each transaction is a fraud.
            amount_minor: (n,) amounts in minor units.

        >>> fraud, amounts = np.array([False] * 3 + [True] * 3), np.full(6, 25_000)
        >>> costs = CappedCosts(cap_minor=10_000)
        >>> costs.cost_of(np.array([0, 1, 2, 0, 1, 2]), fraud, amounts).round(2).tolist()
        [0.0, 500.0, 2000.0, 10000.0, 1500.0, 0.0]
        """
        loss = np.where(fraud, np.minimum(amount_minor, self.cap_minor), 0).astype(np.float64)
        reviewed = self.review_cost_minor + (1 - self.recovered_share) * loss
        declined = np.where(fraud, 0.0, self.false_decline_cost_minor)
        return np.choose(verdicts, [loss, reviewed, declined])
