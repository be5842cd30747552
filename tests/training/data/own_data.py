"""Data as a user may have them: ids, ISO times, strings with thousands of levels, missing values, two currencies."""

import numpy as np
import polars as pl

from training.data.config_files import decode_config
from training.data.description import DataDescription

ROWS = 3000
#: 1 March 2026, UTC.
START_MS = 1_772_323_200_000

YAML = """
id: trans_num
time: {column: happened_at, unit: iso}
label: is_fraud
amount: {column: amt, unit: units}
currency: {column: ccy}
card: cc_num
missing: [NA]
features:
  risk: numeric
  visits: numeric
  channel: categorical
  merchant: categorical
  mcc: categorical
"""

OWN = decode_config(YAML.encode(), DataDescription, "own.yaml")


def make_own(rows: int = ROWS, days: float = 12, seed: int = 0) -> pl.DataFrame:
    """Return transactions in time order, evenly spread over the days; one in twenty is a fraud."""
    random = np.random.default_rng(seed)
    label = (np.arange(rows) % 20 == 7).astype(int)
    millis = START_MS + (np.arange(rows) * (days * 86_400_000 / rows)).astype(np.int64)
    risk = random.normal(size=rows) + 1.5 * label
    channel = np.where(random.random(rows) < 0.3, "web", "shop")
    return pl.DataFrame(
        {
            "trans_num": [f"t{i:06d}" for i in range(rows)],
            "happened_at": pl.from_epoch(pl.Series(millis), time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
            "cc_num": [f"c{i % 211}" for i in range(rows)],
            "amt": np.round(random.lognormal(3, 1, rows), 0),
            "ccy": np.where(random.random(rows) < 0.2, "JPY", "USD"),
            "risk": pl.Series(risk).set(pl.Series(random.random(rows) < 0.1), None),
            "visits": random.integers(0, 9, rows),
            "channel": pl.Series(channel).set(pl.Series(random.random(rows) < 0.05), None),
            "merchant": [f"shop {int(i)}" for i in random.zipf(1.3, rows) % 2000],
            "mcc": random.choice([5411, 5812, 7995], rows),
            "is_fraud": label,
        }
    )
