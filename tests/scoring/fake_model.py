"""A model in numpy whose scores are exact, and the transactions it scores.

An ONNX model's last digits may depend on how many rows it is given; here, whatever differs is the scorer's doing.
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
#: The amount stands in the middle, where code that appends it would be seen.
FEATURES = (Feature("V1", 0.25), AMOUNT, Feature("V2", -0.5), Feature("V3", 0.5))
COUNTRY = Feature("country", 0, "categorical", ("FR", "BE", "DE"))
#: One of each kind, derived ones of the same field apart.
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
    """Score (n, k) rows: column j's level (0 to 3) is digit j of the score in base 4.

    So each feature has its own share, the first by far the largest, and every sum is exact.
    """
    levels = sum((matrix > limit).astype(np.float64) for limit in (-1.0, 0.0, 1.0))
    scores: NDArray[np.float32] = (levels @ 0.25 ** np.arange(1, matrix.shape[1] + 1)).astype(np.float32)
    return scores


def failing_where(bad: Callable[[Matrix], NDArray[np.bool_]], score: float | None = None) -> ScoreFunction:
    """Make `digits` raise where (n,) `bad(matrix)` holds, or give `score` there."""

    def rule(matrix: Matrix) -> NDArray[np.float32]:
        mask = bad(matrix)
        if score is not None:
            return np.where(mask, np.float32(score), digits(matrix))
        if mask.any():
            raise RuntimeError("the runtime says no")
        return digits(matrix)

    return rule


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
        """How its feature vectors are made."""
        return FeaturePlan(self.manifest.features, self.manifest.missing)

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return (n,) scores, or raise, as the rule says."""
        self.runs += 1
        return self.rule(matrix)

    def check_parity(self) -> None:
        """Raise unless parity holds."""
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
    """Return a model with these features that reviews from 0.5 and declines from 0.75, unless told otherwise."""
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
    """Return each with its own policy; challengers only watch."""
    playing = [ModelInRole(model, model.manifest.policy) for model in (champion, *challengers)]
    return playing[0], tuple(playing[1:])


def scorer(champion: ScoringModel, *challengers: ScoringModel, max_reasons: int = 5) -> Scorer:
    """Return a scorer of epoch 7 with the champion's own policy."""
    return scorer_for(Roles(7, *assign_roles(champion, *challengers)), max_reasons=max_reasons)


def scorer_for(roles: Roles, *, max_reasons: int = 5) -> Scorer:
    """Return a scorer of these roles."""
    return Scorer(roles, max_bytes=MAX_BYTES, max_reasons=max_reasons)


def transaction(features: dict[str, Any], number: int = 0, **overrides: Any) -> bytes:
    """Return a transaction with these features, well formed unless something is overridden."""
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
    """Return the features of a transaction for `FEATURES`."""
    return {"V1": v1, "V2": v2, "V3": v3, **more}


def raw_batch(values: Sequence[bytes | None], first: int = 0) -> RawBatch:
    """Return a batch of two partitions whose offsets begin at `first`."""
    return RawBatch(
        "transactions", values, [i % 2 for i in range(len(values))], [first + i // 2 for i in range(len(values))]
    )
