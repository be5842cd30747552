"""Steps on a model: `python -m benchmarks.training.model_steps NAME DIRECTORY`."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.training.measure import MATRICES, ONNX, PARQUET, Step, main
from benchmarks.training.model import few_rows_model, fit, hold_against, read_matrices, write_graph, write_matrices


def matrices(directory: Path) -> Callable[[], object]:
    """Read the data, split it and make the feature matrices; the other steps take them from a file."""
    return lambda: write_matrices(directory / PARQUET, directory / MATRICES)


def trial(directory: Path) -> Callable[[], object]:
    """Fit on the training part and score validation."""
    parts = read_matrices(directory / MATRICES)
    return lambda: fit(parts.train, parts.train_labels, parts.features).margin(parts.validation)


def export(directory: Path) -> Callable[[], object]:
    """Write a model as ONNX."""
    parts = read_matrices(directory / MATRICES)
    model = few_rows_model(parts)
    return lambda: write_graph(model, parts.features, directory / ONNX)


def parity(directory: Path) -> Callable[[], object]:
    """Hold the graph against its original on the test part."""
    parts = read_matrices(directory / MATRICES)
    model = few_rows_model(parts)  # the one that `export` wrote, for the seed is fixed
    return lambda: hold_against(model, directory / ONNX, parts)


STEPS: dict[str, Step] = {"matrices": matrices, "trial": trial, "export": export, "parity": parity}

if __name__ == "__main__":
    main(STEPS)
