"""The encoding of features gives the same columns in numpy and in the graph."""

import numpy as np
import pytest
from onnx import TensorProto

from schemas.manifest import Feature
from stream.models.onnx_runtime import ort
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


def encode_in_graph(features: tuple[Feature, ...], matrix: Matrix) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return the encoded matrix from the graph, column by column, because a graph has only one output column."""
    columns = []
    for column in range(Encoding(features).width):
        graph = GraphWriter()
        one = graph.add("Gather", Encoding(features).write(graph), graph.constant(column, "int64"), axis=1)
        graph.add("Cast", one, output=SCORE, to=TensorProto.FLOAT)
        session = ort.InferenceSession(graph.model(len(features)).SerializeToString())
        columns.append(session.run(None, {"features": matrix})[0])
    return np.column_stack(columns)


def test_columns_of_a_mixed_vector() -> None:
    """Numeric columns come first, then one column per category and one for other values; all are 0 for a null."""
    matrix = np.array([[0, 1.5], [1, NAN], [2, -1], [NAN, 3]], dtype=np.float32)
    expected = [[1.5, 1, 0, 0], [7, 0, 1, 0], [-1, 0, 0, 1], [3, 0, 0, 0]]
    np.testing.assert_array_equal(Encoding((FEW, NUMBER)).transform(matrix), expected)
    np.testing.assert_array_equal(encode_in_graph((FEW, NUMBER), matrix), expected)


def test_rare_categories_share_a_column() -> None:
    """The most frequent of thousands of categories have their own columns; all others share one column."""
    assert Encoding((THOUSANDS,)).width == MAX_LEVELS + 1
    matrix = np.array([[MAX_LEVELS - 1], [MAX_LEVELS], [1999], [2000]], dtype=np.float32)
    encoded = Encoding((THOUSANDS,)).transform(matrix)
    assert encoded.argmax(axis=1).tolist() == [MAX_LEVELS - 1, MAX_LEVELS, MAX_LEVELS, MAX_LEVELS]
    np.testing.assert_array_equal(encode_in_graph((THOUSANDS,), matrix), encoded)


@pytest.mark.parametrize("features", [(NUMBER,), (FEW,), (FEW, NUMBER, THOUSANDS)])
def test_numpy_and_the_graph_agree_for_all_kinds_of_columns(features: tuple[Feature, ...]) -> None:
    """The encodings in numpy and in the graph agree for mixed columns, only numbers, and only categories."""
    random = np.random.default_rng(0)
    matrix = random.integers(0, 60, (200, len(features))).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.2] = NAN
    np.testing.assert_array_equal(encode_in_graph(features, matrix), Encoding(features).transform(matrix))
