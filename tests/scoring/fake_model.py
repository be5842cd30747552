"""A model in numpy whose scores are exact, and transactions to score with it.

The last digits of an ONNX model's scores may depend on the number of rows. With this model, any difference comes from
the scorer.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelFaultError
from schemas.manifest import Feature, Manifest, MissingPolicy, Parity, TrainingWindow
from schemas.messages import Policy
from stream.scoring.features import FeaturePlan, Matrix
from stream.scoring.model import ModelInRole, Roles, ScoringModel
from stream.scoring.raw_batch import RawBatch, ScoringTime
from stream.scoring.scorer import Scorer

MAX_BYTES = 4096
SCORING_TIME = ScoringTime(scored_at_ms=1_700_000_000_000, latency_ms=1.5)
AMOUNT = Feature("Amount", 1000.0, "amount_minor")
#: The amount is in the middle, so that code that always puts the amount last fails.
FEATURES = (Feature("V1", 0.25), AMOUNT, Feature("V2", -0.5), Feature("V3", 0.5))
COUNTRY = Feature("country", 0, "categorical", ("FR", "BE", "DE"))
#: A feature of each kind; those derived from the same field are not adjacent.
ALL_KINDS = (
    Feature("hour_sin", 0.5, "hour_sin"),
    COUNTRY,
    Feature("log_amount", 7.0, "log_amount"),
    Feature("V1", 0.25),
    Feature("hour_cos", -0.5, "hour_cos"),
    AMOUNT,
)
POLICY = Policy("p1", 0.5, 0.75)

ScoreFunction = Callable[[Matrix], NDArray[np.float32]]


def digits(matrix: Matrix) -> NDArray[np.float32]:
    """Return (n,) scores for (n, k) rows: the level of column j (0 to 3) is digit j of the score in base 4.

    Each feature thus contributes to its own digit, the first one most, and every sum is exact.
    """
    levels = sum((matrix > limit).astype(np.float64) for limit in (-1.0, 0.0, 1.0))
    scores: NDArray[np.float32] = (levels @ 0.25 ** np.arange(1, matrix.shape[1] + 1)).astype(np.float32)
    return scores


def failing_where(bad: Callable[[Matrix], NDArray[np.bool_]], score: float | None = None) -> ScoreFunction:
    """Return `digits`, changed to raise if `bad(matrix)` is true in any row, or to return `score` in such rows."""

    def score_rows(matrix: Matrix) -> NDArray[np.float32]:
        mask = bad(matrix)
        if score is not None:
            return np.where(mask, np.float32(score), digits(matrix))
        if mask.any():
            raise RuntimeError("the runtime fails")
        return digits(matrix)

    return score_rows


@dataclass
class FakeModel:
    """A model that needs no bundle."""

    manifest: Manifest
    sha256: str
    rule: ScoreFunction = digits
    parity_holds: bool = True
    runs: int = 0

    @property
    def plan(self) -> FeaturePlan:
        """Plan that builds the model's feature vectors."""
        return FeaturePlan(self.manifest.features, self.manifest.missing)

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return the (n,) scores given by the model's rule, which may raise."""
        self.runs += 1
        return self.rule(matrix)

    def check_parity(self) -> None:
        """Raise unless the fake parity check is set to pass."""
        if not self.parity_holds:
            raise ModelFaultError("model fails on its parity rows")


def fake_model(
    features: Sequence[Feature] = FEATURES,
    missing: MissingPolicy = "median",
    *,
    version: str = "1",
    rule: ScoreFunction = digits,
    parity_holds: bool = True,
    policy: Policy = POLICY,
) -> FakeModel:
    """Return a fake model with the given features; by default, scores from 0.5 are reviewed and from 0.75 declined."""
    manifest = Manifest(
        name="fraud",
        version=version,
        algorithm="none",
        mlflow_run_id="none",
        created_at_ms=0,
        features=tuple(features),
        missing=missing,
        policy=policy,
        training_window=TrainingWindow(0, 1, 2, 1, "0" * 64),
        metrics={},
        reference={},
        score_reference=None,
        parity=Parity((), ()),
        files={},
    )
    return FakeModel(manifest, version.rjust(64, "0"), rule, parity_holds)


def assign_roles(champion: ScoringModel, *challengers: ScoringModel) -> tuple[ModelInRole, tuple[ModelInRole, ...]]:
    """Return the champion and challengers in their roles, each with its manifest's policy; challengers only shadow."""
    in_roles = [ModelInRole(model, model.manifest.policy) for model in (champion, *challengers)]
    return in_roles[0], tuple(in_roles[1:])


def scorer(champion: ScoringModel, *challengers: ScoringModel, max_reasons: int = 5) -> Scorer:
    """Return a scorer for the given models, in epoch 7."""
    return scorer_for(Roles(7, *assign_roles(champion, *challengers)), max_reasons=max_reasons)


def scorer_for(roles: Roles, *, max_reasons: int = 5) -> Scorer:
    """Return a scorer for the given roles."""
    return Scorer(roles, max_bytes=MAX_BYTES, max_reasons=max_reasons)


def transaction(features: dict[str, Any], number: int = 0, **overrides: Any) -> bytes:
    """Return a transaction as JSON bytes; `overrides` replace fields of a valid transaction."""
    fields = {
        "transaction_id": f"t-{number}",
        "card_id": f"c-{number % 3}",
        "event_time_ms": 1_378_000_000_000 + number,
        "amount_minor": 250,
        "currency": "EUR",
        "features": features,
    }
    return json.dumps(fields | overrides).encode()


def features(v1: float | None = 0.0, v2: float | None = 0.0, v3: float | None = 0.0, **more: Any) -> dict[str, Any]:
    """Return a transaction's features for a model with `FEATURES`."""
    return {"V1": v1, "V2": v2, "V3": v3, **more}


def raw_batch(values: Sequence[bytes | None], first: int = 0) -> RawBatch:
    """Return a batch of messages from two partitions, with offsets starting at `first`."""
    return RawBatch(
        "transactions", values, [i % 2 for i in range(len(values))], [first + i // 2 for i in range(len(values))]
    )
