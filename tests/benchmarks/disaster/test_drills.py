"""The drills, with less traffic: each recovers what it has destroyed, or fails by itself."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks.disaster import drills, site
from benchmarks.disaster.drills import lose_broker, lose_bundles, lose_ledger
from benchmarks.disaster.site import SteadyTraffic
from benchmarks.pipeline.inputs import BenchmarkInputs
from schemas.messages import FeatureValue, Transaction
from tests.support.bundles import put_bundle
from tests.support.traffic import transaction


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BenchmarkInputs:
    """Small models and few transactions, and drills that are content with them."""
    for module in (drills, site):
        monkeypatch.setattr(module, "RATE", 100)
    monkeypatch.setattr(drills, "BACKLOG", 1_000)
    monkeypatch.setattr(drills, "TRAFFIC_S", 20.0)
    store = tmp_path / "bundles"
    champion, challenger = (put_bundle(store, version) for version in "12")
    decoder = msgspec.json.Decoder(Transaction[dict[str, FeatureValue]])
    return BenchmarkInputs(
        [decoder.decode(transaction(number)) for number in range(50)],
        str(store),
        champion,
        (challenger,),
        {ref.sha256: store / ref.path for ref in (champion, challenger)},
    )


def test_the_longest_wait_is_of_transactions_sent_after_the_loss() -> None:
    """A slow decision before the loss does not count."""
    second = 1_000_000_000
    traffic = SteadyTraffic(np.array([0, 10, 11]) * second, np.array([9, 12, 12]) * second)
    assert traffic.longest_wait_s(5 * second) == 2


@pytest.mark.slow
def test_a_lost_ledger_is_restored(inputs: BenchmarkInputs) -> None:
    """The drill itself fails if a decision is missing or repeated in the end."""
    result = lose_ledger(inputs)
    assert 0 < result.restored_s < result.recovered_s
    assert result.rows_per_s > 0


@pytest.mark.slow
def test_a_lost_bundle_store_is_restored(inputs: BenchmarkInputs) -> None:
    """The running worker goes on meanwhile, and the waiting one becomes ready."""
    result = lose_bundles(inputs)
    assert 0 < result.restored_s <= result.recovered_s


@pytest.mark.slow
def test_a_lost_broker_is_replaced(inputs: BenchmarkInputs) -> None:
    """No more is lost than what was on the way when the broker was lost."""
    result = lose_broker(inputs)
    assert 0 < result.broker_s < result.roles_s < result.recovered_s
    assert 0 <= result.undecided < 10 * 100
    assert 0 <= result.not_in_ledger < 10 * 100
