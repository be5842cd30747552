"""Runs one model step: `python -m benchmarks.training.model_steps NAME DIRECTORY`."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.training.measure import MATRICES, ONNX, PARQUET, Step, main
from benchmarks.training.model import check_graph, few_rows_model, fit, read_matrices, write_graph, write_matrices


def matrices(directory: Path) -> Callable[[], object]:
    """Load and split the data and write the feature matrices, which the other steps read."""
    return lambda: write_matrices(directory / PARQUET, directory / MATRICES)


def trial(directory: Path) -> Callable[[], object]:
    """Fit a model on the training split and score the validation split."""
    parts = read_matrices(directory / MATRICES)
    return lambda: fit(parts.train, parts.train_labels, parts.features).margin(parts.validation)


def export(directory: Path) -> Callable[[], object]:
    """Write the model as an ONNX graph."""
    parts = read_matrices(directory / MATRICES)
    model = few_rows_model(parts)
    return lambda: write_graph(model, parts.features, directory / ONNX)


def parity(directory: Path) -> Callable[[], object]:
    """Compare the scores of the graph and of the original model on the test set."""
    parts = read_matrices(directory / MATRICES)
    model = few_rows_model(parts)  # the same model that `export` wrote: the seed is fixed
    return lambda: check_graph(model, directory / ONNX, parts)


STEPS: dict[str, Step] = {"matrices": matrices, "trial": trial, "export": export, "parity": parity}

if __name__ == "__main__":
    main(STEPS)
