"""Encoding in numpy and in the graph."""

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto

from schemas.manifest import Feature
from stream.scoring.features import Matrix
from training.models.encoding import MAX_LEVELS, Encoding
from training.models.graph import SCORE, GraphWriter

NAN = float("nan")
MANY = tuple(f"shop-{i}" for i in range(2000))
NUMBER, FEW, THOUSANDS = (
    Feature("number", 7.0),
    Feature("few", 0.0, "categorical", ("a", "b")),
    Feature("thousands", 0.0, "categorical", MANY),
)


def in_graph(features: tuple[Feature, ...], matrix: Matrix) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """What the graph makes of a matrix, a column at a time, as a graph's output is one column."""
    columns = []
    for column in range(Encoding(features).width):
        graph = GraphWriter()
        one = graph.add("Gather", Encoding(features).write(graph), graph.constant(column, "int64"), axis=1)
        graph.add("Cast", one, output=SCORE, to=TensorProto.FLOAT)
        session = ort.InferenceSession(graph.model(len(features)).SerializeToString())
        columns.append(session.run(None, {"features": matrix})[0])
    return np.column_stack(columns)


def test_columns_of_a_mixed_vector() -> None:
    """The number, then for each category a column, then one for what is none of them; missing: none at all."""
    matrix = np.array([[0, 1.5], [1, NAN], [2, -1], [NAN, 3]], dtype=np.float32)
    expected = [[1.5, 1, 0, 0], [7, 0, 1, 0], [-1, 0, 0, 1], [3, 0, 0, 0]]
    np.testing.assert_array_equal(Encoding((FEW, NUMBER)).transform(matrix), expected)
    np.testing.assert_array_equal(in_graph((FEW, NUMBER), matrix), expected)


def test_rare_categories_share_a_column() -> None:
    """Of thousands, the most frequent have their own; the others count as one with those never seen."""
    assert Encoding((THOUSANDS,)).width == MAX_LEVELS + 1
    matrix = np.array([[MAX_LEVELS - 1], [MAX_LEVELS], [1999], [2000]], dtype=np.float32)
    encoded = Encoding((THOUSANDS,)).transform(matrix)
    assert encoded.argmax(axis=1).tolist() == [MAX_LEVELS - 1, MAX_LEVELS, MAX_LEVELS, MAX_LEVELS]
    np.testing.assert_array_equal(in_graph((THOUSANDS,), matrix), encoded)


@pytest.mark.parametrize("features", [(NUMBER,), (FEW,), (FEW, NUMBER, THOUSANDS)])
def test_numpy_and_the_graph_agree_on_any_kinds_of_columns(features: tuple[Feature, ...]) -> None:
    """Also where there are only numbers, or only categories."""
    random = np.random.default_rng(0)
    matrix = random.integers(0, 60, (200, len(features))).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.2] = NAN
    np.testing.assert_array_equal(in_graph(features, matrix), Encoding(features).transform(matrix))
