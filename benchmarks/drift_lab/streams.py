"""Three worlds of one data set, each with a bundle made by training's own road: references, limits, score, policy.

- *exchangeable*: rows are shuffled, then split; nothing drifts but what is injected;
- *categories*: the same, but each feature is cut into categories;
- *natural*: the order of time is kept, and the stream is the test part as it came.
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
from training.bundling.build_bundle import as_given, finish, policy_kind, scored_rows, write
from training.data.dataset import Dataset
from training.data.description import ColumnKind
from training.data.featureset import DEFAULT, FeatureSet
from training.data.leaks import LEAKS, LeakAlarm
from training.data.split import split_by_time
from training.data.training_data import prepare
from training.evaluation.costs import Costs
from training.evaluation.scored_rows import ScoredRows
from training.models.families import CHAMPION, LOGISTIC_REGRESSION, SEED, Family

#: Shares of the categories that a feature is cut into, by rank of its values: uneven, as categories are.
CATEGORY_SHARES = (0.02, 0.25, 0.05, 0.13, 0.2, 0.01, 0.07, 0.1, 0.06, 0.11)
#: Categories are judged, not scored: the quickest family will do.
_QUICK = LOGISTIC_REGRESSION
#: A third of the champion's trees, each with three times the weight, on one thread: the lab's minutes go into windows.
_SMALL = {"trees": 100, "learning_rate": 0.06, "num_threads": 1}
_ONLY_CATEGORIES = FeatureSet(derived=())


@dataclass(frozen=True)
class World:
    """A bundle, and the rows that come after it."""

    manifest: Manifest
    session: OnnxModel
    #: The training part's rows (n, n_features) as drift counts them, for those who keep rows as their reference.
    reference: Matrix
    #: (n,) of the same rows, UTC milliseconds.
    reference_time_ms: NDArray[np.int64]
    #: The stream's rows in order, with their labels and what the model says of them.
    stream: Dataset
    #: (m, n_features) of the stream's rows, as drift counts them: NaN where a value is missing.
    matrix: Matrix
    scored: ScoredRows

    @property
    def grid(self) -> Binning:
        """The bundle's bins."""
        return Binning(self.manifest)


def exchangeable(data: Dataset, scratch: Path, seed: int) -> World:
    """Shuffle the rows, then train on the first part; the stream is the last.

    Args:
        data: In order of event time.
        scratch: Directory for the bundle, to be made.
        seed: Of the shuffling.
    """
    return _train(shuffled(data, seed), scratch, DEFAULT, CHAMPION)


def categories(data: Dataset, scratch: Path, seed: int) -> World:
    """Cut each numeric feature and the amount into categories, then do as `exchangeable`."""
    return _train(cut_into_categories(shuffled(data, seed)), scratch, _ONLY_CATEGORIES, _QUICK)


def natural(data: Dataset, scratch: Path) -> World:
    """Train on the first part in time; the stream is the last."""
    return _train(data, scratch, DEFAULT, CHAMPION)


def shuffled(data: Dataset, seed: int) -> Dataset:
    """Return the rows in random order with the event times in theirs: time means nothing any more."""
    order = np.random.default_rng(seed).permutation(len(data))
    return replace(data.part(order), event_time_ms=data.event_time_ms)


def cut_into_categories(data: Dataset) -> Dataset:
    """Replace each numeric feature by a category, a letter, and put one made of the amount beside them.

    Values are cut by rank into parts of `CATEGORY_SHARES`; equal values stay together, so where a feature repeats
    itself parts are larger, or empty.
    """
    amount = pl.Series(f"{data.description.amount.column} band", data.amount_minor)
    cut = pl.DataFrame([_letters(column) for column in (*data.frame, amount)])
    kinds: dict[str, ColumnKind] = dict.fromkeys(cut.columns, "categorical")
    return replace(data, frame=cut, description=msgspec.structs.replace(data.description, features=kinds))


def _letters(column: pl.Series) -> pl.Series:
    values = column.to_numpy()
    edges = np.quantile(values, np.cumsum(CATEGORY_SHARES)[:-1])
    letters = np.array([chr(ord("a") + place) for place in range(len(CATEGORY_SHARES))])
    return pl.Series(column.name, letters[np.searchsorted(edges, values, side="right")])


def _train(data: Dataset, scratch: Path, feature_set: FeatureSet, family: Family) -> World:
    # Repeats stand in two parts when rows are shuffled; what the lab measures is no model's quality.
    alarm = LeakAlarm(lambda _: None, accepted=LEAKS)
    parts = prepare(data, feature_set, split=split_by_time, folds=0, alarm=alarm, on_evaluation=lambda _: None)
    training_data = parts.training_data
    params = family.params | (_SMALL if family is CHAMPION else {})
    fitted = family.fit(params, training_data.matrix, training_data.labels, features=training_data.features, seed=SEED)
    finished = finish(family.algorithm, fitted, parts, kind=policy_kind(data), costs=Costs())
    write(finished, parts, "drift-lab", {}, scratch)
    stream = parts.test.look("drift-lab")
    return World(
        manifest=decode_manifest((scratch / MANIFEST_NAME).read_bytes()),
        session=finished.session,
        reference=as_given(parts.train, parts.plan),
        reference_time_ms=parts.train.event_time_ms,
        stream=stream,
        matrix=stream.given(parts.plan),
        scored=scored_rows(finished.session.score(stream.matrix(parts.plan)), stream),
    )
