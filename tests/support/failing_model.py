"""A model that can be made to fail, wholly or for some rows."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelFaultError
from schemas.manifest import Manifest
from stream.scoring.features import FeaturePlan, Matrix
from stream.scoring.model import ScoringModel


class FailingModel:
    """Wraps a model.

    Args:
        model: Scores as long as nothing is made to fail.
        failing: While the model's version is in it, everything fails, the parity rows too.
        is_bad: (n,) True for the rows of an (n, n_features) matrix that make a whole run fail; by default none.
    """

    def __init__(
        self,
        model: ScoringModel,
        failing: AbstractSet[str] = frozenset(),
        is_bad: Callable[[Matrix], NDArray[np.bool_]] = lambda matrix: np.zeros(len(matrix), dtype=np.bool_),
    ) -> None:
        self._model = model
        self._failing = failing
        self._is_bad = is_bad

    @property
    def manifest(self) -> Manifest:
        """The wrapped model's."""
        return self._model.manifest

    @property
    def sha256(self) -> str:
        """The wrapped model's."""
        return self._model.sha256

    @property
    def plan(self) -> FeaturePlan:
        """The wrapped model's."""
        return self._model.plan

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Score, or fail as a runtime does."""
        if self.manifest.version in self._failing or self._is_bad(matrix).any():
            raise RuntimeError("made to fail")
        return self._model.score(matrix)

    def check_parity(self) -> None:
        """Pass, unless everything fails."""
        if self.manifest.version in self._failing:
            raise ModelFaultError(f"model {self.manifest.version} was made to fail")
        self._model.check_parity()
