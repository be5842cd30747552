"""Small synthetic data in the format of the ULB data."""

import numpy as np
import polars as pl

from training.data.description import ULB

ROWS = 4000


def make_frame(rows: int = ROWS, fraud_share: float = 0.05, seed: int = 0) -> pl.DataFrame:
    """Return transactions in time order, several per second; frauds have other values in the first features."""
    random = np.random.default_rng(seed)
    label = (random.random(rows) < fraud_share).astype(float)
    numeric = random.normal(size=(rows, len(ULB.features)))
    numeric[:, :6] += 1.5 * label[:, np.newaxis]
    return pl.DataFrame(
        {
            "Time": np.sort(random.integers(0, rows // 2, rows)).astype(float),
            **{name: numeric[:, column] for column, name in enumerate(ULB.features)},
            "Amount": np.round(random.lognormal(3, 1.5, rows), 2),
            "Class": label,
        }
    )
