"""Small inputs for testing the benchmarks."""

import random
from pathlib import Path

import pytest

from benchmarks.pipeline.inputs import BenchmarkInputs
from schemas.messages import BundleRef, FeatureValue, Transaction
from tests.support.bundles import NUMERIC, put_bundle


def _transactions() -> list[Transaction[dict[str, FeatureValue]]]:
    """Return transactions, about a tenth of which raise alerts."""
    random.seed(0)
    return [
        Transaction(
            transaction_id="0",
            card_id=f"card-{i % 17}",
            event_time_ms=1_378_000_000_000 + i,
            amount_minor=i,
            currency="EUR",
            features={name: random.gauss(0, 2) for name in NUMERIC},
        )
        for i in range(50)
    ]


@pytest.fixture
def inputs(tmp_path: Path) -> BenchmarkInputs:
    """Inputs with two small models that share their features, like those of `fraud-train baseline`."""
    store = tmp_path / "bundles"
    refs: list[BundleRef] = [put_bundle(store, "1"), put_bundle(store, "2", bias=-3.0)]
    return BenchmarkInputs(
        transactions=_transactions(),
        store=str(store),
        champion=refs[0],
        challengers=(refs[1],),
        bundles={ref.sha256: store / ref.path for ref in refs},
    )
