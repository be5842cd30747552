"""Whose input and scores are counted under one assignment of roles, and by which bins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Manifest
from stream.drift.binning import Binning, Counts
from stream.scoring.features import Matrix
from stream.scoring.model import Roles, ScoringModel


@dataclass(frozen=True, slots=True)
class Counted:
    """One bundle that plays.

    Attributes:
        place: Of its judgement among all; of a bundle that plays with several policies the first.
        decides: Whether it is the champion.
        same_as: Place among the counted of an earlier one whose feature counts are this one's too.
    """

    place: int
    decides: bool
    model: ScoringModel
    grid: Binning
    same_as: int | None

    @property
    def manifest(self) -> Manifest:
        """The bundle's contract."""
        return self.model.manifest


class DriftPlan:
    """Counts for every bundle of one assignment. Making one takes 1 ms a bundle, so it is made off the hot path.

    Attributes:
        roles: The assignment; kept, so that its id stays its own.
        counted: The champion first.
    """

    def __init__(self, roles: Roles) -> None:
        self.roles = roles
        self.counted: list[Counted] = []
        for place, player in enumerate((roles.champion, *roles.challengers)):
            if all(player.model.sha256 != each.model.sha256 for each in self.counted):
                same_as = self._counted_already(player.model.manifest)
                grid = Binning(player.model.manifest)
                self.counted.append(Counted(place, place == 0, player.model, grid, same_as))

    def _counted_already(self, manifest: Manifest) -> int | None:
        """Return who has the same features in the same bins: challengers mostly share the champion's."""
        for number, each in enumerate(self.counted):
            if (each.manifest.features, each.manifest.reference) == (manifest.features, manifest.reference):
                return number
        return None

    def count(self, given: Sequence[Matrix], scores: Sequence[NDArray[np.float32]]) -> list[Counts]:
        """Count n rows.

        Args:
            given: Of each counted bundle (n, n_features), NaN where a value was missing; of one with `same_as` not
                looked at.
            scores: Of each counted bundle (n,), NaN where there is none.

        Returns:
            The vector of each counted bundle's grid.
        """
        features: list[Counts] = []
        for each, matrix in zip(self.counted, given, strict=True):
            features.append(each.grid.count_features(matrix) if each.same_as is None else features[each.same_as])
        return [
            np.concatenate([shared, each.grid.count_scores(own)])
            for each, shared, own in zip(self.counted, features, scores, strict=True)
        ]
