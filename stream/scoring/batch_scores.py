"""Features and scores of a batch for every model in a role; drift is counted from these."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.scoring.model import Roles
from stream.scoring.model_scores import ModelScores


@dataclass(frozen=True, slots=True)
class BatchScores:
    """Scores of n decided transactions, by every model in a role."""

    roles: Roles
    #: The champion's, then each challenger's; all over the same n rows.
    model_scores: Sequence[ModelScores]
    #: (n,) event times, UTC milliseconds since 1970.
    times: NDArray[np.int64]
    #: (n,) source partitions.
    partitions: NDArray[np.int64]
