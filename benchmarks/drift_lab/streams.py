"""Three streams made from one data set, each with a bundle from the training pipeline.

- *exchangeable*: rows are shuffled before they are split, so nothing drifts except what is injected;
- *categorical*: as in the exchangeable stream, but each feature is cut into categories;
- *natural*: rows stay in time order, and the stream is the test set.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.manifest import MANIFEST_NAME, Manifest, decode_manifest
from stream.drift.binning import Binning
from stream.models.onnx_session import OnnxModel
from stream.scoring.features import Matrix
from training.bundling.build_bundle import accepted_raw_features, build_bundle, model_to_deploy
from training.bundling.evaluated_model import calibrate_and_export
from training.data.dataset import Dataset
from training.data.description import ColumnKind
from training.data.featureset import DEFAULT, FeatureSet
from training.data.leaks import LEAKS, LeakAlarm
from training.data.split import split_by_time
from training.data.training_data import prepare
from training.evaluation.policy_choice import PolicyChoice, default_policy_kind
from training.evaluation.scored_rows import ScoredRows
from training.models.families import CHAMPION, LOGISTIC_REGRESSION, SEED, Family

#: Shares of the categories into which a feature is cut, by rank of its values; uneven, like real categories.
CATEGORY_SHARES = (0.02, 0.25, 0.05, 0.13, 0.2, 0.01, 0.07, 0.1, 0.06, 0.11)
#: Model family for the categorical stream: the fastest to fit, as only the stream's features matter, not its scores.
_FAST_FAMILY = LOGISTIC_REGRESSION
#: A third of the champion's trees with three times the learning rate, on one thread, to save time.
_SMALL_CHAMPION = {"trees": 100, "learning_rate": 0.06, "num_threads": 1}
_ONLY_CATEGORIES = FeatureSet(derived=())


@dataclass(frozen=True)
class LabStream:
    """A trained bundle, and the rows of the stream that follows its training data."""

    manifest: Manifest
    session: OnnxModel
    #: (n, n_features) training rows as counted for drift, for detectors that take rows as their reference.
    reference: Matrix
    #: (n,) event times of these rows, UTC milliseconds.
    reference_time_ms: NDArray[np.int64]
    #: The stream's m rows in order, with labels.
    data: Dataset
    #: (m, n_features) the same rows as counted for drift, with NaN for missing values.
    matrix: Matrix
    #: Scores of the same rows.
    scored: ScoredRows

    @property
    def binning(self) -> Binning:
        """The bundle's bins."""
        return Binning(self.manifest)


def exchangeable_stream(data: Dataset, scratch: Path, seed: int) -> LabStream:
    """Shuffle and split the rows, train a bundle on the training split, and use the test set as the stream.

    Args:
        data: Rows in order of event time.
        scratch: Directory for the bundle; it must not exist.
        seed: Seed for shuffling the rows.
    """
    return _train(shuffled(data, seed), scratch, DEFAULT, CHAMPION)


def categorical_stream(data: Dataset, scratch: Path, seed: int) -> LabStream:
    """Cut each numeric feature and the amount into categories, then proceed as in `exchangeable_stream`."""
    return _train(cut_into_categories(shuffled(data, seed)), scratch, _ONLY_CATEGORIES, _FAST_FAMILY)


def natural_stream(data: Dataset, scratch: Path) -> LabStream:
    """Split the rows in time order, train a bundle on the training split, and use the test set as the stream."""
    return _train(data, scratch, DEFAULT, CHAMPION)


def shuffled(data: Dataset, seed: int) -> Dataset:
    """Return the rows in random order, but with the event times in their original order."""
    order = np.random.default_rng(seed).permutation(len(data))
    return replace(data.part(order), event_time_ms=data.event_time_ms)


def cut_into_categories(data: Dataset) -> Dataset:
    """Replace each numeric feature with a category (a letter), and add a categorical feature made from the amount.

    Values are cut by rank into categories with the shares `CATEGORY_SHARES`. Equal values stay together, so a feature
    with repeated values has larger or empty categories.
    """
    amount = pl.Series(f"{data.description.amount.column} band", data.amount_minor)
    cut = pl.DataFrame([_categorize(column) for column in (*data.frame, amount)])
    kinds: dict[str, ColumnKind] = dict.fromkeys(cut.columns, "categorical")
    return replace(data, frame=cut, description=msgspec.structs.replace(data.description, features=kinds))


def _categorize(column: pl.Series) -> pl.Series:
    values = column.to_numpy()
    edges = np.quantile(values, np.cumsum(CATEGORY_SHARES)[:-1])
    categories = np.array([chr(ord("a") + number) for number in range(len(CATEGORY_SHARES))])
    return pl.Series(column.name, categories[np.searchsorted(edges, values, side="right")])


def _train(data: Dataset, scratch: Path, feature_set: FeatureSet, family: Family) -> LabStream:
    # Shuffling puts exact repeats into several splits. That is acceptable: the lab does not measure model quality.
    alarm = LeakAlarm(lambda _: None, accepted=LEAKS)
    parts = prepare(data, feature_set, split=split_by_time, folds=0, alarm=alarm, on_evaluation=lambda _: None)
    training_data = parts.training_data
    params = family.params | (_SMALL_CHAMPION if family is CHAMPION else {})
    fitted = family.fit(params, training_data.matrix, training_data.labels, features=training_data.features, seed=SEED)
    model = calibrate_and_export(family.algorithm, fitted, parts, PolicyChoice(default_policy_kind(data)))
    build_bundle(model_to_deploy(model, parts), "drift-lab", {}, scratch)
    stream = parts.test_set.open("drift-lab")
    return LabStream(
        manifest=decode_manifest((scratch / MANIFEST_NAME).read_bytes()),
        session=model.session,
        reference=accepted_raw_features(parts.train, parts.plan),
        reference_time_ms=parts.train.event_time_ms,
        data=stream,
        matrix=stream.raw_features(parts.plan),
        scored=ScoredRows.of(model.session.score(stream.matrix(parts.plan)), stream),
    )
