"""No skew: a row has the same feature vector and score whether it comes from columns offline or from JSON online."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.manifest import Feature, MissingPolicy
from stream.models.bundle import LoadedModel, read_bundle
from stream.models.bundle_store import BundleStore
from stream.scoring.features import Matrix
from stream.scoring.model import ModelInRole, Roles, ScoringModel
from stream.scoring.raw_batch import RawBatch, ScoringTime
from stream.scoring.scorer import ScoredBatch, Scorer
from tests.support.bundles import NUMERIC, POLICY, put_bundle
from tests.support.failing_model import FailingModel

COUNTRIES = ("FR", "BE", "DE")
#: Features of every kind except numeric and amount, which every bundle here has; the two string features are not
#: adjacent.
FURTHER = {
    Feature("country", 0, "categorical", COUNTRIES): 0.5,
    Feature("log_amount", 7.0, "log_amount"): 0.25,
    Feature("hour_cos", -0.5, "hour_cos"): 1.0,
    Feature("channel", 0, "categorical", ("chip", "web")): -0.5,
    Feature("hour_sin", 0.25, "hour_sin"): 1.0,
}
Row = dict[str, Any]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            **dict.fromkeys(NUMERIC, st.none() | st.floats(-3, 3)),
            "country": st.none() | st.sampled_from(COUNTRIES) | st.text(max_size=3),
            "channel": st.none() | st.sampled_from(["web", "chip", "Web"]),
            "amount_minor": st.integers(0, 10**15),
            "event_time_ms": st.integers(0, 4 * 10**12),
        }
    ),
    min_size=1,
    max_size=20,
)


@pytest.fixture(scope="module", params=["median", "refuse"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A model with every kind of feature, once for each of two missing-value policies."""
    missing: MissingPolicy = request.param
    store = tmp_path_factory.mktemp("store") / "bundles"
    return read_bundle(BundleStore(str(store)), put_bundle(store, "2", further=FURTHER, missing=missing))


@pytest.fixture(scope="module")
def numeric_model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A champion that has numeric features only and accepts nulls."""
    store = tmp_path_factory.mktemp("store") / "bundles"
    return read_bundle(BundleStore(str(store)), put_bundle(store, "1"))


def offline(model: LoadedModel, rows: Sequence[Row]) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return the feature vectors as training builds them, column by column, and the mask of accepted rows."""
    plan = model.plan
    numeric = np.array([[row[name] for name in plan.numeric] for row in rows], dtype=np.float64)
    codes = np.column_stack([plan.codes(name, [row[name] for row in rows]) for name in plan.categorical])
    fields = (np.array([row[name] for row in rows]) for name in ("amount_minor", "event_time_ms"))
    matrix = plan.matrix(numeric, codes, *fields)
    return matrix, plan.first_refused_null(matrix) < 0


def online(rows: Sequence[Row], champion: ScoringModel, *challengers: ScoringModel) -> ScoredBatch:
    """Score the rows as JSON transactions, as the stream does."""
    own = ("amount_minor", "event_time_ms")
    values = [
        json.dumps(
            {
                "transaction_id": str(number),
                "card_id": "c",
                "currency": "EUR",
                **{name: row[name] for name in own},
                "features": {name: value for name, value in row.items() if name not in own},
            }
        ).encode()
        for number, row in enumerate(rows)
    ]
    shadows = tuple(ModelInRole(each, each.manifest.policy) for each in challengers)
    scorer = Scorer(
        Roles(1, ModelInRole(champion, POLICY), shadows),
        max_bytes=65_536,
        max_reasons=0,
    )
    return scorer.score(RawBatch("t", values, [0] * len(values), range(len(values))), ScoringTime(0, 0.0))


@given(rows=ROWS)
def test_the_champion_gets_the_vectors_of_training(model: LoadedModel, rows: list[Row]) -> None:
    """The champion's vectors and scores equal those of training bit for bit, and the same rows are rejected."""
    inputs: list[Matrix] = []

    def record(matrix: Matrix) -> NDArray[np.bool_]:
        inputs.append(matrix)
        return np.zeros(len(matrix), dtype=np.bool_)

    matrix, accepted = offline(model, rows)
    scored = online(rows, FailingModel(model, is_bad=record))
    assert [int(each.transaction_id) for each in scored.decisions] == np.flatnonzero(accepted).tolist()
    if accepted.any():
        assert inputs[0].tobytes() == matrix[accepted].tobytes()
        assert [each.score for each in scored.decisions] == model.score(matrix[accepted]).tolist()


@given(rows=ROWS)
def test_a_challenger_gets_the_vectors_of_training(
    model: LoadedModel, numeric_model: LoadedModel, rows: list[Row]
) -> None:
    """A challenger gets the vectors of training even if the champion reads no strings and replaces nulls."""
    matrix, accepted = offline(model, rows)
    (records,) = online(rows, numeric_model, model).shadow_scores
    assert [record.problem is None for record in records] == accepted.tolist()
    if accepted.any():
        assert [each.score for each in records if each.problem is None] == model.score(matrix[accepted]).tolist()
