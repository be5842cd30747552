"""The scoring time of a model."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from stream.models.onnx_session import OnnxModel
from tests.support.bundles import put_bundle
from training.models.cost import BATCH, PASSES, cost_us

#: Number of features of the model: three columns and the amount.
FEATURES = 4


def test_the_fastest_pass_over_each_batch_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two batches, each is fastest in another pass; their shortest times are added and divided by the rows."""
    session = OnnxModel(tmp_path / put_bundle(tmp_path).path / "model.onnx", FEATURES)
    seconds = np.full((PASSES, 2), 9.0)
    seconds[1, 0], seconds[2, 1] = 3.0, 0.25
    pairs = ((0.0, duration) for duration in seconds.ravel())  # start and end of each measurement
    monkeypatch.setattr("training.models.cost.time.perf_counter", itertools.chain.from_iterable(pairs).__next__)
    rows = np.zeros((BATCH + 75, FEATURES), dtype=np.float32)
    assert cost_us(session, rows) == pytest.approx((3.0 + 0.25) / (BATCH + 75) * 1e6)
