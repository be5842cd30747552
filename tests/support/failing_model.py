"""A model that a test can make fail, for all rows or for some rows."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelFaultError
from schemas.manifest import Manifest
from stream.scoring.features import FeaturePlan, Matrix
from stream.scoring.model import ScoringModel


class FailingModel:
    """Wraps a model and injects failures.

    Args:
        model: The wrapped model, which scores while no failure is injected.
        failing: Versions whose models fail on every row, including the parity rows.
        is_bad: Returns the (n,) mask of rows in an (n, n_features) matrix that make the run fail; by default no rows.
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
        """The manifest of the wrapped model."""
        return self._model.manifest

    @property
    def sha256(self) -> str:
        """The bundle hash of the wrapped model."""
        return self._model.sha256

    @property
    def plan(self) -> FeaturePlan:
        """The feature plan of the wrapped model."""
        return self._model.plan

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Score the rows, or raise as ONNX Runtime does."""
        if self.manifest.version in self._failing or self._is_bad(matrix).any():
            raise RuntimeError("made to fail")
        return self._model.score(matrix)

    def check_parity(self) -> None:
        """Check the parity rows, or fail like every other row."""
        if self.manifest.version in self._failing:
            raise ModelFaultError(f"model {self.manifest.version} was made to fail")
        self._model.check_parity()
