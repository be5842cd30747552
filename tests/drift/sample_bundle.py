"""A small bundle, and the drift counts that workers would publish for it."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.manifest import (
    FalseAlarms,
    Feature,
    Manifest,
    NaturalMovement,
    Parity,
    ReferenceProfile,
    TrainingWindow,
    VerdictReference,
)
from schemas.messages import DriftCounts, Policy
from stream.drift.alarm_rule import DriftLimits, drift_limits
from stream.drift.binning import Binning, Counts
from stream.settings import DriftSettings, WatermarkSettings

#: Number of rows in a window in most tests; workers publish the counts of 100 rows at a time.
ROWS = 1000
HOUR_MS = 3_600_000
NOON_MS = 1_767_225_600_000
NATURAL = (NaturalMovement(500, 100, 0.02, 0.04), NaturalMovement(2000, 25, 0.01, 0.02))
COLUMNS = ("V1", "V2", "country")


def limits(**changed: Any) -> DriftLimits:
    """Return the default limits with windows of `ROWS` rows and some fields replaced."""
    return msgspec.structs.replace(drift_limits(DriftSettings(window_rows=ROWS), WatermarkSettings()), **changed)


def profile(
    values: NDArray[np.float32], natural: tuple[NaturalMovement, ...] = NATURAL, bins: int = 10
) -> ReferenceProfile:
    """Return the reference profile of a numeric column, as training makes it."""
    exact = values[~np.isnan(values)].astype(np.float64)
    edges = np.unique(np.quantile(exact, np.arange(1, bins) / bins))
    counts = np.bincount(np.searchsorted(edges, exact, side="right"), minlength=len(edges) + 1)
    quantiles = np.quantile(exact, np.linspace(0, 1, 200))
    missing = int(np.isnan(values).sum())
    return ReferenceProfile(tuple(edges.tolist()), tuple(counts.tolist()), tuple(quantiles.tolist()), missing, natural)


def categories(counts: Sequence[int], natural: tuple[NaturalMovement, ...] = NATURAL) -> ReferenceProfile:
    """Return the reference profile of a categorical column; the last count is for unknown strings."""
    return ReferenceProfile(tuple(float(i) for i in range(1, len(counts))), tuple(counts), (), 0, natural)


def rows_of(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (count, 3) features and (count,) scores, distributed as in the reference."""
    rng = np.random.default_rng(seed)
    numeric = rng.normal(size=(count, 2))
    country = rng.choice(3, size=count, p=[0.6, 0.3, 0.1])
    scores = 1 / (1 + np.exp(4 - 2 * numeric[:, 0]))
    return np.column_stack([numeric, country]).astype(np.float32), scores.astype(np.float32)


def manifest(version: str = "1", **changed: Any) -> Manifest:
    """Return a manifest with two numeric features and a categorical one; keyword arguments override fields."""
    matrix, scores = rows_of(20_000, seed=0)
    features = (Feature("V1", 0.0), Feature("V2", 0.0), Feature("country", 0.0, "categorical", ("FR", "BE", "LU")))
    country = np.bincount(matrix[:, 2].astype(int), minlength=4).tolist()
    fields: dict[str, Any] = {
        "name": "fraud",
        "version": version,
        "algorithm": "logistic regression",
        "mlflow_run_id": "none",
        "created_at_ms": 0,
        "features": features,
        "missing": "nan",
        "policy": Policy("1", review=0.5, decline=0.9),
        "training_window": TrainingWindow(0, 1, 2, 1, "0" * 64),
        "metrics": {},
        "reference": {
            "V1": profile(matrix[:, 0]),
            "V2": profile(matrix[:, 1]),
            "country": categories(country),
        },
        "score_reference": profile(scores),
        "parity": Parity((), ()),
        "files": {},
        "verdict_reference": VerdictReference(approved=19_540, reviewed=460, declined=0),
        "false_alarms": (FalseAlarms(500, 200, 1), FalseAlarms(2000, 50, 0)),
    }
    return Manifest(**(fields | changed))


def sha(version: str) -> str:
    """Return the bundle hash that these tests use for a version."""
    return version.rjust(64, "0")


def counts_of(matrix: NDArray[np.float32], scores: NDArray[np.float32], **changed: Any) -> DriftCounts:
    """Return a message with the counts of these rows, by default in the pane at `NOON_MS`, and some fields replaced."""
    counted: Manifest = changed.pop("manifest", None) or MANIFEST
    binning = BINNINGS.setdefault(counted.version, Binning(counted))
    features, score_counts = binning.split(binning.count(matrix, scores))
    alerted = scores >= counted.policy.review
    fields: dict[str, Any] = {
        "slot": "0",
        "instance": "a",
        "sequence": 1,
        "name": counted.name,
        "version": counted.version,
        "bundle_sha256": sha(counted.version),
        "decides": True,
        "pane_ms": NOON_MS,
        "rows": len(matrix),
        "features": features,
        "scores": score_counts,
        "reviews": int(alerted.sum()),
        "declines": 0,
        "score_sum": float(np.nansum(scores)),
        "alert_score_sum": float(scores[alerted].sum()),
        "event_times": {0: NOON_MS},
        "written_at_ms": NOON_MS,
    }
    return DriftCounts(**(fields | changed))


def stream(messages: int, seed: int = 1, rows: int = 100, **changed: Any) -> Iterator[DriftCounts]:
    """Yield messages, one second apart, with the counts of rows that are distributed as in the reference."""
    for number in range(messages):
        matrix, scores = rows_of(rows, seed=1000 * seed + number)
        now = NOON_MS + 1000 * number
        yield counts_of(matrix, scores, **({"sequence": number + 1, "written_at_ms": now} | changed))


def window(**changed: Any) -> Counts:
    """Return the counts of a window of `ROWS` rows, with the values of some columns replaced."""
    matrix, scores = rows_of(ROWS, seed=7)
    for name, values in changed.items():
        if name == "score":
            scores = np.asarray(values, dtype=np.float32)
        else:
            matrix[:, COLUMNS.index(name)] = values
    return Binning(MANIFEST).count(matrix, scores)


MANIFEST = manifest()
BINNINGS: dict[str, Binning] = {}
