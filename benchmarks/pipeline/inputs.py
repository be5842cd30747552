"""Inputs of the benchmarks: real transactions and trained bundles."""

from dataclasses import dataclass
from pathlib import Path

from schemas.messages import BundleRef, FeatureValue, Transaction


@dataclass(frozen=True)
class BenchmarkInputs:
    """Everything that a trial needs in addition to a broker.

    Attributes:
        transactions: Real transactions from the test set.
        store: URL of the bundle store.
        champion: Bundle of the champion.
        challengers: Bundles of at least two challengers; throughput is measured with the first, memory with the
            first two.
        bundles: Local copy of each bundle's directory, by sha256, for baselines that cannot read a bundle store.
    """

    transactions: list[Transaction[dict[str, FeatureValue]]]
    store: str
    champion: BundleRef
    challengers: tuple[BundleRef, ...]
    bundles: dict[str, Path]
