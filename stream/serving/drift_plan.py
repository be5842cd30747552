"""Determines which models are counted for drift under one assignment of roles, and in which bins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Manifest
from stream.drift.binning import Binning, Counts
from stream.scoring.features import Matrix
from stream.scoring.model import Roles, ScoringModel


@dataclass(frozen=True, slots=True)
class CountedModel:
    """A bundle in a role, counted once even if it is in a role with several policies.

    Attributes:
        index: Index of the bundle's first `ModelScores` in a batch.
        decides: Whether the bundle is the champion.
        model: The bundle's model.
        binning: Bins of the bundle's reference.
        same_features_as: Index of an earlier counted model with equal feature counts; None if there is none.
    """

    index: int
    decides: bool
    model: ScoringModel
    binning: Binning
    same_features_as: int | None

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self.model.manifest


class DriftPlan:
    """Counts batches for every bundle in one assignment of roles.

    Building a plan takes 1 ms per bundle, so build it off the hot path.

    Attributes:
        roles: Assignment of roles under which the batches are scored.
        models: Counted models, the champion first.
    """

    def __init__(self, roles: Roles) -> None:
        self.roles = roles
        self.models: list[CountedModel] = []
        for index, in_role in enumerate((roles.champion, *roles.challengers)):
            if all(in_role.model.sha256 != each.model.sha256 for each in self.models):
                shared = self._with_same_features(in_role.model.manifest)
                binning = Binning(in_role.model.manifest)
                self.models.append(CountedModel(index, index == 0, in_role.model, binning, shared))

    def _with_same_features(self, manifest: Manifest) -> int | None:
        """Return the index of an earlier model with the same features and bins, or None. Most challengers have one."""
        for index, each in enumerate(self.models):
            if (each.manifest.features, each.manifest.reference) == (manifest.features, manifest.reference):
                return index
        return None

    def count(self, raw_features: Sequence[Matrix], scores: Sequence[NDArray[np.float32]]) -> list[Counts]:
        """Count n rows for every counted model.

        Args:
            raw_features: For each counted model, (n, n_features) raw features, with NaN for a missing value; not used
                for a model with `same_features_as`.
            scores: For each counted model, (n,) scores, NaN for a missing score.

        Returns:
            For each counted model, the counts in each of its bins.
        """
        features: list[Counts] = []
        for each, matrix in zip(self.models, raw_features, strict=True):
            shared = each.same_features_as
            features.append(each.binning.count_features(matrix) if shared is None else features[shared])
        return [
            np.concatenate([feature_counts, each.binning.count_scores(own)])
            for each, feature_counts, own in zip(self.models, features, scores, strict=True)
        ]
