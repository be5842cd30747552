"""What the scorer needs of a model, and which model holds which role."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import Manifest
from schemas.messages import Exploration, Policy
from stream.scoring.features import FeaturePlan, Matrix


class ScoringModel(Protocol):
    """An audited model, however it runs."""

    @property
    def manifest(self) -> Manifest:
        """The bundle's contract."""

    @property
    def sha256(self) -> str:
        """The bundle's identity."""

    @property
    def plan(self) -> FeaturePlan:
        """How its feature vectors are made."""

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return (n,) scores of an (n, n_features) matrix; raises whatever its runtime raises."""

    def check_parity(self) -> None:
        """Raise ModelFaultError if the model no longer gives the scores its manifest promises."""


@dataclass(frozen=True, slots=True)
class Player:
    """A model with the policy that turns its scores into verdicts.

    Attributes:
        share: Of the cards that a challenger decides for; 0 where it only watches. The champion has what is left.
    """

    model: ScoringModel
    policy: Policy
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Roles:
    """One assignment of roles, with the models that hold them.

    Attributes:
        epoch: Of the `ModelUpdate` it was made from.
        exploration: Which would-be declines are let through.
        salt: Of the hashes that draw cards and explored transactions.
    """

    epoch: int
    champion: Player
    challengers: tuple[Player, ...] = ()
    exploration: Exploration | None = None
    salt: str = ""
