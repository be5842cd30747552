"""What a batch looked like to each model: what drift is counted from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.scoring.judgement import Judgement
from stream.scoring.model import Roles


@dataclass(frozen=True, slots=True)
class Observed:
    """n decided transactions; all but the roles run side by side."""

    roles: Roles
    #: The champion's, then each challenger's.
    judgements: Sequence[Judgement]
    #: (n,) event times, UTC milliseconds since 1970.
    times: NDArray[np.int64]
    #: (n,) partitions that they came from.
    partitions: NDArray[np.int64]
