"""The interface that the scorer requires of a model, and the assignment of models to roles."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Manifest
from schemas.messages import Exploration, Policy
from stream.scoring.features import FeaturePlan, Matrix


class ScoringModel(Protocol):
    """An audited model, independent of the runtime that executes it."""

    @property
    def manifest(self) -> Manifest:
        """Manifest of the model's bundle, which is the model's contract."""

    @property
    def sha256(self) -> str:
        """Hash of the manifest, which identifies the bundle."""

    @property
    def plan(self) -> FeaturePlan:
        """Plan that builds the model's feature vectors."""

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return the (n,) scores of the rows of an (n, n_features) matrix; raises whatever the runtime raises."""

    def check_parity(self) -> None:
        """Raise ModelFaultError if the model no longer reproduces the parity scores of its manifest."""


@dataclass(frozen=True, slots=True)
class ModelInRole:
    """A model in a role, with the policy that turns its scores into verdicts.

    Attributes:
        model: Audited model.
        policy: Policy for this role, with its thresholds.
        share: Share of cards that a challenger decides, in [0, 1); 0 if it only shadows. The champion decides the
            remaining cards.
    """

    model: ScoringModel
    policy: Policy
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Roles:
    """One assignment of roles, with the loaded models.

    Attributes:
        epoch: Epoch of the `ModelUpdate` that made this assignment.
        champion: Model that decides.
        challengers: Models that shadow, or decide a share of the cards.
        exploration: Share of would-be declines that are let through; None to let none through.
        salt: Salt for the hashes that draw the arms of cards and the explored transactions.
    """

    epoch: int
    champion: ModelInRole
    challengers: tuple[ModelInRole, ...] = ()
    exploration: Exploration | None = None
    salt: str = ""
