"""The features and scores of a batch, for every model in a role. Drift counts are made from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.scoring.model import Roles
from stream.scoring.model_scores import ModelScores


@dataclass(frozen=True, slots=True)
class BatchScores:
    """The scores of n decided transactions, from every model in a role."""

    roles: Roles
    #: Scores from the champion, then from each challenger, all over the same n rows.
    model_scores: Sequence[ModelScores]
    #: (n,) event times, UTC milliseconds since 1970.
    times: NDArray[np.int64]
    #: (n,) source partitions.
    partitions: NDArray[np.int64]
