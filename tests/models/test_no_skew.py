"""No skew: rows scored offline from columns, and online from JSON, give the same vector and the same score."""

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
#: All kinds but the numeric ones and the amount, which every bundle here has; two strings, apart from each other.
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
    """A bundle with every kind of feature, under either policy on nulls."""
    missing: MissingPolicy = request.param
    store = tmp_path_factory.mktemp("store") / "bundles"
    return read_bundle(BundleStore(str(store)), put_bundle(store, "2", further=FURTHER, missing=missing))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A champion that knows numbers only and takes any null."""
    store = tmp_path_factory.mktemp("store") / "bundles"
    return read_bundle(BundleStore(str(store)), put_bundle(store, "1"))


def offline(model: LoadedModel, rows: Sequence[Row]) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return the vectors as training makes them, column by column, and which rows the model takes."""
    plan = model.plan
    numeric = np.array([[row[name] for name in plan.numeric] for row in rows], dtype=np.float64)
    codes = np.column_stack([plan.codes(name, [row[name] for row in rows]) for name in plan.categorical])
    fields = (np.array([row[name] for row in rows]) for name in ("amount_minor", "event_time_ms"))
    matrix = plan.matrix(numeric, codes, *fields)
    return matrix, plan.first_refused_null(matrix) < 0


def online(rows: Sequence[Row], champion: ScoringModel, *challengers: ScoringModel) -> ScoredBatch:
    """Score the rows as transactions."""
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
    watching = tuple(ModelInRole(each, each.manifest.policy) for each in challengers)
    scorer = Scorer(
        Roles(1, ModelInRole(champion, POLICY), watching),
        max_bytes=65_536,
        max_reasons=0,
    )
    return scorer.score(RawBatch("t", values, [0] * len(values), range(len(values))), ScoringTime(0, 0.0))


@given(rows=ROWS)
def test_a_champion_sees_what_training_saw(model: LoadedModel, rows: list[Row]) -> None:
    """Bit for bit, vector and score; what is refused online is what the plan refuses offline."""
    seen: list[Matrix] = []

    def remember(matrix: Matrix) -> NDArray[np.bool_]:
        seen.append(matrix)
        return np.zeros(len(matrix), dtype=np.bool_)

    matrix, taken = offline(model, rows)
    scored = online(rows, FailingModel(model, is_bad=remember))
    assert [int(each.transaction_id) for each in scored.decisions] == np.flatnonzero(taken).tolist()
    if taken.any():
        assert seen[0].tobytes() == matrix[taken].tobytes()
        assert [each.score for each in scored.decisions] == model.score(matrix[taken]).tolist()


@given(rows=ROWS)
def test_a_challenger_sees_it_too(model: LoadedModel, plain: LoadedModel, rows: list[Row]) -> None:
    """Although the champion reads no strings, and puts medians in place of null."""
    matrix, taken = offline(model, rows)
    (records,) = online(rows, plain, model).shadow_scores
    assert [record.problem is None for record in records] == taken.tolist()
    if taken.any():
        assert [each.score for each in records if each.problem is None] == model.score(matrix[taken]).tolist()
