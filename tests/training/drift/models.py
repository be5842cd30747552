"""A numpy model with a complete reference, and a file whose rows drift in its second half."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from msgspec.structs import replace

from schemas.manifest import Manifest, MissingPolicy
from schemas.messages import Policy
from stream.scoring.features import Matrix
from tests.scoring.fake_model import FakeModel, fake_model
from tests.training.data.own_data import OWN, make_own
from training.bundling.build_bundle import accepted_raw_features
from training.bundling.natural_movement import with_natural_movement
from training.bundling.reference_profile import count_verdicts, profile_features, profile_scores
from training.data.dataset import Dataset, load
from training.data.featureset import FeatureSet, make_features
from training.drift.counting import accepted_rows
from training.evaluation.scored_rows import ScoredRows

#: Number of rows in a window: the smallest number for which natural movement is measured.
WINDOW = 500
TRAIN, FILE = 4000, 3200
_DAYS = 14.4
_POLICY = Policy("p1", review=0.7, decline=0.9)


@dataclass(frozen=True)
class Case:
    """A model, and the file that is compared with its reference."""

    model: FakeModel
    file: Path
    rows: Dataset


def make_case(folder: Path, missing: MissingPolicy = "median") -> Case:
    """Write a file with numbers, known and unknown categories and missing values; `risk` drifts in its second half."""
    frame = make_own(TRAIN + FILE, days=_DAYS)
    train, file = folder / "train.parquet", folder / "file.parquet"
    frame[:TRAIN].write_parquet(train)
    moved = pl.when(pl.int_range(pl.len()) >= FILE // 2).then(pl.col("risk") + 2).otherwise(pl.col("risk"))
    # The file has no labels, because they are not known yet.
    frame[TRAIN:].with_columns(risk=moved).drop("is_fraud").write_parquet(file)
    return Case(_made_model(load(train, OWN), missing), file, load(file, OWN, labelled=False))


def _made_model(train: Dataset, missing: MissingPolicy) -> FakeModel:
    wanted = FeatureSet(numeric=("risk",), categorical=("channel", "merchant"), missing=missing)
    model = fake_model(make_features(wanted, train), missing, policy=_POLICY, rule=_rule)
    kept = accepted_rows(train, model.plan)
    given = accepted_raw_features(train, model.plan)
    model.manifest = _referenced(model.manifest, kept, given, model.score(model.plan.fill_missing(given)))
    return model


def _rule(matrix: Matrix) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return scores that depend on risk, channel and amount."""
    margin = np.nan_to_num(matrix[:, 0]) + 0.5 * np.nan_to_num(matrix[:, 1]) + np.log1p(matrix[:, -1]) / 10
    return (1 / (1 + np.exp(1 - margin))).astype(np.float32)


def _referenced(
    manifest: Manifest, train: Dataset, given: Matrix, scores: np.ndarray[tuple[int], np.dtype[np.float32]]
) -> Manifest:
    scored = ScoredRows(scores, train.label, train.amount_minor, train.event_time_ms)
    profiled = replace(
        manifest,
        reference=profile_features(manifest.features, given),
        score_reference=profile_scores(scores, manifest.policy),
        verdict_reference=count_verdicts(scored, manifest.policy),
    )
    return with_natural_movement(profiled, given, scores)
