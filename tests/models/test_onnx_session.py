"""A session accepts only graphs with one float32 input (n, n_features) and one float32 output (n,)."""

from pathlib import Path

import numpy as np
import pytest

from schemas.errors import BundleIncompatibleError
from stream.models.onnx_session import OnnxModel
from tests.models.graphs import DOUBLE, INT64, identity, row_means
from tests.support.bundles import logistic_onnx

WIDTH = 4


def load(raw: bytes, directory: Path) -> OnnxModel:
    """Write a graph to a file and return the model loaded from that file."""
    path = directory / "model.onnx"
    path.write_bytes(raw)
    return OnnxModel(path, WIDTH)


def test_a_session_computes_the_graph(tmp_path: Path) -> None:
    """The session returns sigmoid(x·w + b) in float32, which is what the graph computes."""
    weights = np.array([0.5, -1, 2, 0], dtype=np.float32)
    matrix = np.random.default_rng(0).normal(size=(50, WIDTH)).astype(np.float32)
    scores = load(logistic_onnx(weights, -0.5), tmp_path).score(matrix)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-(matrix @ weights - 0.5))), atol=1e-6)


def test_an_empty_matrix_is_scored(tmp_path: Path) -> None:
    """An empty matrix, as when a challenger can score no transaction in a batch, gives an empty array of scores."""
    scores = load(logistic_onnx(np.ones(WIDTH, dtype=np.float32), 0), tmp_path).score(np.empty((0, WIDTH), np.float32))
    assert scores.shape == (0,)


@pytest.mark.parametrize("rows", [None, "n"])
def test_the_number_of_rows_is_free(rows: str | None, tmp_path: Path) -> None:
    """A graph is accepted whether its row dimension has a name or not."""
    assert load(row_means(rows, WIDTH), tmp_path).score(np.ones((3, WIDTH), np.float32)).tolist() == [1, 1, 1]


BAD_INPUTS = {
    "too narrow": row_means(None, WIDTH - 1),
    "too wide": row_means(None, WIDTH + 1),
    "of variable width": identity([None, None]),
    "double": identity([None, WIDTH], dtype=DOUBLE),
    "integers": identity([None, WIDTH], dtype=INT64),
    "of rank 1": identity([WIDTH]),
    "of rank 3": identity([None, WIDTH, 1]),
    "two inputs": row_means(None, WIDTH, inputs=2),
    "of a fixed number of rows": row_means(16, WIDTH),
}


@pytest.mark.parametrize("graph", BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_any_other_input_is_refused(graph: bytes, tmp_path: Path) -> None:
    """Any other input is rejected; the error describes both the required input and the graph's actual input."""
    with pytest.raises(BundleIncompatibleError, match=r"^model.onnx must take one float32 input \(n, 4\) .*tensor"):
        load(graph, tmp_path)


BAD_OUTPUTS = {
    "of rank 2": identity([None, WIDTH]),
    "a column": identity([None, WIDTH], [None, 1]),
    "double": row_means(None, WIDTH, dtype=DOUBLE),
    "integers": row_means(None, WIDTH, dtype=INT64),
    "two outputs": identity([None, WIDTH], outputs=2),
}


@pytest.mark.parametrize("graph", BAD_OUTPUTS.values(), ids=BAD_OUTPUTS)
def test_any_other_output_is_refused(graph: bytes, tmp_path: Path) -> None:
    """Any other output is rejected, such as the label that converters add, a column of scores, or doubles."""
    with pytest.raises(
        BundleIncompatibleError, match=r"^model.onnx (must return one float32 output \(n,\)|is not an ONNX)"
    ):
        load(graph, tmp_path)


@pytest.mark.parametrize(
    "raw",
    [b"", b"no model", logistic_onnx(np.ones(WIDTH, dtype=np.float32), 0)[:-20]],
    ids=["empty", "garbage", "truncated"],
)
def test_a_file_that_is_not_a_model_is_refused(raw: bytes, tmp_path: Path) -> None:
    """The session rejects a file that is not a valid model with a one-line error, whatever the runtime reports."""
    with pytest.raises(
        BundleIncompatibleError, match=r"^model.onnx is not an ONNX model that this runtime can load \("
    ) as caught:
        load(raw, tmp_path)
    assert "\n" not in str(caught.value)


def test_the_runtime_refuses_a_matrix_of_the_wrong_width(tmp_path: Path) -> None:
    """For a matrix of the wrong width, the runtime raises an error instead of returning meaningless scores."""
    model = load(logistic_onnx(np.ones(WIDTH, dtype=np.float32), 0), tmp_path)
    with pytest.raises(Exception, match=r"(?i)invalid"):
        model.score(np.ones((2, WIDTH + 1), np.float32))
