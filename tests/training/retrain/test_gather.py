"""The join of archive and ledger selects the rows on which a new model is trained, with their original values."""

import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.errors import ArchiveError
from schemas.manifest import Feature, Manifest, MissingPolicy
from schemas.messages import Label, Transaction
from stream.ledger.labelled_decisions import LabelledDecisions, load_labelled_decisions
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from tests.support.bundles import put_bundle
from tests.support.records import BASE_MS, decision
from tests.training.decision_history import DecisionHistory
from training.data.dataset import Dataset, load
from training.data.featureset import make_features
from training.data.transaction_file import describe
from training.retrain.gather import GatheredCounts, feature_set, gather
from training.retrain.retrainer import DAY_MS


def transaction(number: int, **features: Any) -> Transaction[Any]:
    """Return a transaction with three numeric features."""
    values = {"V1": number + 0.1, "V2": None, "V3": 3.0} | features
    return Transaction(f"t{number}", f"card-{number}", BASE_MS + number * 1000, 100 + number, "EUR", values)


def load_decisions(history: DecisionHistory) -> LabelledDecisions:
    """Return all labelled decisions of the ledger."""
    topics = [history.settings.topic.transactions]
    decisions = load_labelled_decisions(history.engine, topics=topics, since_ms=0, maturity_ms=2 * DAY_MS)
    assert decisions is not None
    return decisions


def run_gather(history: DecisionHistory, tmp_path: Path, **changes: Any) -> tuple[GatheredCounts, Dataset]:
    """Gather all transactions for the champion's manifest with the given changes."""
    manifest = msgspec.structs.replace(manifest_of(tmp_path), **changes)
    file = tmp_path / "gathered.parquet"
    decisions = {"transactions": load_decisions(history)}
    counts = gather(history.settings.archive.url, decisions, manifest, file, max_bytes=2000)
    return counts, load(file, describe(manifest))


def manifest_of(folder: Path) -> Manifest:
    """Return the manifest of a champion with three numeric features and the amount."""
    ref = put_bundle(folder / "bundles", uuid.uuid4().hex)
    return read_bundle(BundleStore(str(folder / "bundles")), ref).manifest


def fraud(number: int, source: str = "chargeback", *, is_fraud: bool | None = True, day: float = 0.5) -> Label:
    """Return a label that marks a transaction as a fraud."""
    event_time_ms = BASE_MS + number * 1000 + int(day * DAY_MS)
    return Label(f"l{number}-{source}-{day}", f"t{number}", source, is_fraud, event_time_ms)  # type: ignore[arg-type]  # a source


def test_a_model_learns_from_matured_rows_with_a_known_outcome(history: DecisionHistory, tmp_path: Path) -> None:
    """A decline without a label is left out, unless exploration approved it, and so are rows that have not matured."""
    transactions = [transaction(n) for n in range(8)]
    history.decide(transactions[:4])
    history.decide(transactions[4:5], 4, verdict="decline")
    history.decide(transactions[5:6], 5, verdict="decline")
    history.decide(transactions[6:7], 6, arm="exploration", propensity=0.1)
    history.decide(transactions[7:], 7, verdict="review")
    history.label(
        [fraud(1), fraud(3), fraud(3, is_fraud=None, day=0.7), fraud(5, "analyst"), fraud(7, "analyst", is_fraud=False)]
    )
    history.archive(list(enumerate(transactions)))
    history.mature()
    young = msgspec.structs.replace(transaction(99), event_time_ms=BASE_MS + 9 * DAY_MS)
    history.decide([young], 99)
    history.label([msgspec.structs.replace(fraud(99), event_time_ms=young.event_time_ms + 1)])
    counts, data = run_gather(history, tmp_path)
    assert dict(zip(data.transaction_id.tolist(), data.label.tolist(), strict=True)) == {
        "t0": 0,
        "t1": 1,
        "t2": 0,
        "t3": 0,
        "t5": 1,
        "t6": 0,
        "t7": 0,
    }
    assert counts == GatheredCounts(known=7, censored=1, not_archived=0, refused=0, rows=7, frauds=2)
    assert load_decisions(history).alerted.tolist() == [False, False, False, False, True, True, True]


def test_rows_are_made_from_the_messages_that_were_decided(history: DecisionHistory, tmp_path: Path) -> None:
    """Rows have the values, amounts and times in the decided messages; null stays null, and repeated ids count once."""
    transactions = [transaction(n, V1=0.1 * n) for n in range(4)]
    history.decide(transactions)
    history.label([fraud(2)])
    again = transaction(1, V1=77.0)
    history.decide([again], 9)
    history.archive([*enumerate(transactions), (9, again), (10, transaction(3, V1=88.0)), (11, b"rubbish")])
    history.mature()
    counts, data = run_gather(history, tmp_path)
    assert counts.rows == 4
    assert data.transaction_id.tolist() == ["t0", "t1", "t2", "t3"]
    assert data.frame["V1"].to_list() == [0.0, 0.1, 0.2, 0.1 * 3]
    assert data.frame["V2"].null_count() == 4
    assert data.amount_minor.tolist() == [100, 101, 102, 103]
    assert data.event_time_ms.tolist() == [each.event_time_ms for each in transactions]
    assert data.card_id.tolist() == [f"card-{n}" for n in range(4)]


@pytest.mark.parametrize(("missing", "kept"), [("median", ["t0", "t1"]), ("refuse", ["t0"])])
def test_transactions_that_the_champion_refuses_are_left_out(
    history: DecisionHistory, tmp_path: Path, missing: MissingPolicy, kept: list[str]
) -> None:
    """Transactions that the current champion would reject are left out: too long, or with an invalid feature."""
    odd: list[dict[str, Any]] = [{"V2": 1.0}, {}, {"V1": "text"}, {"V1": 1e39}, {"more": "x" * 3000}]
    transactions = [transaction(n, **features) for n, features in enumerate(odd)]
    lacking = msgspec.structs.replace(transaction(5), features={"V1": 1.0})
    legitimate = transaction(6, V2=1.0)
    history.decide([*transactions, lacking, legitimate])
    history.label([fraud(0)])
    history.archive(list(enumerate([*transactions, lacking, legitimate])))
    history.mature()
    counts, data = run_gather(history, tmp_path, missing=missing)
    assert data.transaction_id.tolist() == [*kept, "t6"]
    assert (counts.known, counts.refused) == (7, 6 - len(kept))


def test_transactions_that_are_not_archived_are_counted(history: DecisionHistory, tmp_path: Path) -> None:
    """If a topic was recreated, a different transaction at the same offset does not count as archived."""
    transactions = [transaction(n) for n in range(5)]
    history.decide(transactions)
    history.label([fraud(0)])
    history.archive([(0, transactions[0]), (1, transaction(100)), (2, transactions[2])])
    history.mature()
    counts, data = run_gather(history, tmp_path)
    assert data.transaction_id.tolist() == ["t0", "t2"]
    assert counts == GatheredCounts(known=5, censored=0, not_archived=3, refused=0, rows=2, frauds=1)


def test_a_broken_archive_is_one_line(history: DecisionHistory, tmp_path: Path) -> None:
    """A broken archive causes a one-line error that names the file that is not Parquet and says what to do."""
    transactions = [transaction(0)]
    history.decide(transactions)
    history.archive(list(enumerate(transactions)))
    history.mature()
    (file,) = (tmp_path / "archive" / "transactions").rglob("*.parquet")
    file.write_bytes(b"no parquet")
    with pytest.raises(ArchiveError, match=r"cannot read .*; restore the file or move it away"):
        run_gather(history, tmp_path)


def test_features_are_the_champions(history: DecisionHistory, tmp_path: Path) -> None:
    """Features have the manifest's kinds and order, with medians and categories from the new data."""
    features = (
        Feature("V1", 0.5),
        Feature("country", 0.0, "categorical", ("FR", "BE")),
        Feature("Amount", 1.0, "amount_minor"),
        Feature("log_amount", 1.0, "log_amount"),
        Feature("hour_sin", 0.0, "hour_sin"),
        Feature("hour_cos", 0.0, "hour_cos"),
    )
    transactions = [transaction(n, country="DE" if n else "FR") for n in range(4)]
    transactions = [
        msgspec.structs.replace(each, event_time_ms=BASE_MS + n * 2 * DAY_MS) for n, each in enumerate(transactions)
    ]
    history.decide(transactions)
    history.label([fraud(1, day=3)])
    history.archive(list(enumerate(transactions)))
    history.write("decisions", [decision(10**6, event_time_ms=BASE_MS + 19 * DAY_MS)])
    _, data = run_gather(history, tmp_path, features=features)
    manifest = msgspec.structs.replace(manifest_of(tmp_path), features=features)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.data.featureset.MIN_DAYS_FOR_HOURS", 5)
        made = make_features(feature_set(manifest), data)
    assert [(each.name, each.kind) for each in made] == [(each.name, each.kind) for each in features]
    assert made[1].categories == ("DE", "FR")
