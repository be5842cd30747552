"""What a verdict costs, with a cap: one stolen fortune must not decide between two models."""

from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schemas.messages import AmountMinor


class CappedCosts(Struct, frozen=True):
    """Cost of each verdict on each transaction, in minor units, where loss = min(amount, cap_minor).

    |            | approve | review                                          | decline                  |
    |------------|---------|-------------------------------------------------|--------------------------|
    | legitimate | 0       | review_cost_minor                               | false_decline_cost_minor |
    | fraud      | loss    | review_cost_minor + (1 - recovered_share) · loss| 0                        |

    The form is that of A. Correa Bahnsen et al., "Cost Sensitive Credit Card Fraud Detection using Bayes Minimum
    Risk", ICMLA 2013. Without a cap a mean of heavy-tailed amounts has no useful bound, and a test of it no power.
    """

    #: Of one fraud's amount, what counts.
    cap_minor: Annotated[int, Meta(ge=1, le=10**15)]
    #: An analyst's time for one reviewed transaction.
    review_cost_minor: AmountMinor = 500
    #: Share of a reviewed fraud's loss that is saved.
    recovered_share: Annotated[float, Meta(ge=0, le=1)] = 0.9
    #: A customer who was turned away wrongly.
    false_decline_cost_minor: AmountMinor = 2000

    def of(
        self, verdicts: NDArray[np.integer], fraud: NDArray[np.bool_], amount_minor: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return (n,) what each transaction costs; `verdicts` (n,) index `stream.scoring.policy.VERDICTS`.

        >>> fraud, amounts = np.array([False] * 3 + [True] * 3), np.full(6, 25_000)
        >>> costs = CappedCosts(cap_minor=10_000)
        >>> costs.of(np.array([0, 1, 2, 0, 1, 2]), fraud, amounts).round(2).tolist()
        [0.0, 500.0, 2000.0, 10000.0, 1500.0, 0.0]
        """
        loss = np.where(fraud, np.minimum(amount_minor, self.cap_minor), 0).astype(np.float64)
        reviewed = self.review_cost_minor + (1 - self.recovered_share) * loss
        declined = np.where(fraud, 0.0, self.false_decline_cost_minor)
        return np.choose(verdicts, [loss, reviewed, declined])
