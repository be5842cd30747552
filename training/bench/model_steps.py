"""Steps on a model: `python -m training.bench.model_steps NAME DIRECTORY`."""

from collections.abc import Callable
from pathlib import Path

from training.bench.measure import ONNX, PARQUET, Step, main
from training.bench.model import few_rows_model, fit, hold_against, read_parts, write_graph


def trial(directory: Path) -> Callable[[], object]:
    """Fit on the training part and score validation."""
    parts = read_parts(directory / PARQUET)
    return lambda: fit(parts.train, parts.split.train.label).margin(parts.validation)


def export(directory: Path) -> Callable[[], object]:
    """Write a model as ONNX."""
    model = few_rows_model(read_parts(directory / PARQUET))
    return lambda: write_graph(model, directory / ONNX)


def parity(directory: Path) -> Callable[[], object]:
    """Hold the graph against its original on the test part."""
    parts = read_parts(directory / PARQUET)
    model = few_rows_model(parts)  # the one that `export` wrote, for the seed is fixed
    return lambda: hold_against(model, directory / ONNX, parts)


STEPS: dict[str, Step] = {"trial": trial, "export": export, "parity": parity}

if __name__ == "__main__":
    main(STEPS)
