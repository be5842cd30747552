"""The log odds of a forest in the graph are as precise as those of the original."""

import numpy as np

from schemas.manifest import Feature
from training.bundling.export import open_session
from training.models.families import FAMILIES
from training.models.fitted import margin_log_odds
from training.models.graph import SCORE, GraphWriter


def test_log_odds_of_probabilities_near_1_keep_their_digits() -> None:
    """Log odds keep their digits, which a stack needs; computed from 1 - p in float32, they would be off near 1."""
    random = np.random.default_rng(0)
    matrix = random.normal(size=(4000, 5)).astype(np.float32)
    labels = (matrix[:, 0] + 0.1 * random.normal(size=len(matrix)) > 0).astype(np.int8)
    features = tuple(Feature(f"V{column}", 0.0) for column in range(matrix.shape[1]))
    forest = FAMILIES["random-forest"]
    fitted = forest.fit(forest.params, matrix, labels, features=features, seed=0)
    graph = GraphWriter()
    graph.add("Cast", fitted.write_log_odds(graph), output=SCORE, to=1)
    written = open_session(graph.model(len(features))).score(matrix)
    original = margin_log_odds(fitted.margin(matrix), fitted.margin_kind)
    assert ((original > 5) & (original < 9)).sum() > 100
    np.testing.assert_allclose(written, original, rtol=0, atol=1e-5)
