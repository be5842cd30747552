"""Archive and ledger side by side: which rows a new model learns from, and with which bytes."""

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
from tests.training.retrain.conftest import Past
from training.data.dataset import Dataset, load
from training.data.featureset import make_features
from training.retrain.gather import GatheredCounts, describe, feature_set, gather
from training.retrain.retrainer import DAY_MS


def transaction(number: int, **features: Any) -> Transaction[Any]:
    """One of three numbers."""
    values = {"V1": number + 0.1, "V2": None, "V3": 3.0} | features
    return Transaction(f"t{number}", f"card-{number}", BASE_MS + number * 1000, 100 + number, "EUR", values)


def known_of(past: Past) -> LabelledDecisions:
    """Everything that the ledger knows."""
    found = load_labelled_decisions(past.engine, topics=[past.settings.topic.transactions], since_ms=0, maturity_ms=2 * DAY_MS)
    assert found is not None
    return found


def gathered(past: Past, tmp_path: Path, **changes: Any) -> tuple[GatheredCounts, Dataset]:
    """Gather what there is, for the champion's manifest with changes."""
    manifest = msgspec.structs.replace(manifest_of(tmp_path), **changes)
    file = tmp_path / "gathered.parquet"
    counts = gather(past.settings.archive.url, {"transactions": known_of(past)}, manifest, file, max_bytes=2000)
    return counts, load(file, describe(manifest))


def manifest_of(folder: Path) -> Manifest:
    """A champion's of three numbers and the amount."""
    ref = put_bundle(folder / "bundles", uuid.uuid4().hex)
    return read_bundle(BundleStore(str(folder / "bundles")), ref).manifest


def fraud(number: int, source: str = "chargeback", *, is_fraud: bool | None = True, day: float = 0.5) -> Label:
    """A label of one of the transactions."""
    when = BASE_MS + number * 1000 + int(day * DAY_MS)
    return Label(f"l{number}-{source}-{day}", f"t{number}", source, is_fraud, when)  # type: ignore[arg-type]  # a source


def test_only_what_is_matured_and_known_is_learnt_from(past: Past, tmp_path: Path) -> None:
    """A decline that nobody looked at is censored; one that an explorer let through, or a label reached, is not."""
    sent = [transaction(n) for n in range(8)]
    past.decide(sent[:4])
    past.decide(sent[4:5], 4, verdict="decline")
    past.decide(sent[5:6], 5, verdict="decline")
    past.decide(sent[6:7], 6, arm="exploration", propensity=0.1)
    past.decide(sent[7:], 7, verdict="review")
    past.say(
        [fraud(1), fraud(3), fraud(3, is_fraud=None, day=0.7), fraud(5, "analyst"), fraud(7, "analyst", is_fraud=False)]
    )
    past.keep(list(enumerate(sent)))
    past.mature()
    young = msgspec.structs.replace(transaction(99), event_time_ms=BASE_MS + 9 * DAY_MS)
    past.decide([young], 99)
    past.say([msgspec.structs.replace(fraud(99), event_time_ms=young.event_time_ms + 1)])
    counts, data = gathered(past, tmp_path)
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
    assert known_of(past).alerted.tolist() == [False, False, False, False, True, True, True]


def test_rows_are_the_very_bytes_that_were_decided(past: Past, tmp_path: Path) -> None:
    """Values, amounts and times come out as they went in; null is null; a repeated id counts once."""
    sent = [transaction(n, V1=0.1 * n) for n in range(4)]
    past.decide(sent)
    past.say([fraud(2)])
    again = transaction(1, V1=77.0)
    past.decide([again], 9)
    past.keep([*enumerate(sent), (9, again), (10, transaction(3, V1=88.0)), (11, b"rubbish")])
    past.mature()
    counts, data = gathered(past, tmp_path)
    assert counts.rows == 4
    assert data.transaction_id.tolist() == ["t0", "t1", "t2", "t3"]
    assert data.frame["V1"].to_list() == [0.0, 0.1, 0.2, 0.1 * 3]
    assert data.frame["V2"].null_count() == 4
    assert data.amount_minor.tolist() == [100, 101, 102, 103]
    assert data.event_time_ms.tolist() == [each.event_time_ms for each in sent]
    assert data.card_id.tolist() == [f"card-{n}" for n in range(4)]


@pytest.mark.parametrize(("missing", "kept"), [("median", ["t0", "t1"]), ("refuse", ["t0"])])
def test_what_the_champion_would_refuse_is_left_out(
    past: Past, tmp_path: Path, missing: MissingPolicy, kept: list[str]
) -> None:
    """Another champion took it then: without a feature, with text for a number, too large for float32, too long."""
    odd: list[dict[str, Any]] = [{"V2": 1.0}, {}, {"V1": "text"}, {"V1": 1e39}, {"more": "x" * 3000}]
    sent = [transaction(n, **features) for n, features in enumerate(odd)]
    lacking = msgspec.structs.replace(transaction(5), features={"V1": 1.0})
    legitimate = transaction(6, V2=1.0)
    past.decide([*sent, lacking, legitimate])
    past.say([fraud(0)])
    past.keep(list(enumerate([*sent, lacking, legitimate])))
    past.mature()
    counts, data = gathered(past, tmp_path, missing=missing)
    assert data.transaction_id.tolist() == [*kept, "t6"]
    assert (counts.known, counts.refused) == (7, 6 - len(kept))


def test_what_is_not_archived_is_counted(past: Past, tmp_path: Path) -> None:
    """Also where another transaction stands at the place: the topic was made anew."""
    sent = [transaction(n) for n in range(5)]
    past.decide(sent)
    past.say([fraud(0)])
    past.keep([(0, sent[0]), (1, transaction(100)), (2, sent[2])])
    past.mature()
    counts, data = gathered(past, tmp_path)
    assert data.transaction_id.tolist() == ["t0", "t2"]
    assert counts == GatheredCounts(known=5, censored=0, not_archived=3, refused=0, rows=2, frauds=1)


def test_a_broken_archive_is_one_line(past: Past, tmp_path: Path) -> None:
    """A file that is none."""
    sent = [transaction(0)]
    past.decide(sent)
    past.keep(list(enumerate(sent)))
    past.mature()
    (file,) = (tmp_path / "archive" / "transactions").rglob("*.parquet")
    file.write_bytes(b"no parquet")
    with pytest.raises(ArchiveError, match=r"cannot read .*; restore it or move it away"):
        gathered(past, tmp_path)


def test_features_are_made_again_as_they_were(past: Past, tmp_path: Path) -> None:
    """Numeric, categorical and derived ones, in the manifest's order; medians and categories are those of now."""
    features = (
        Feature("V1", 0.5),
        Feature("country", 0.0, "categorical", ("FR", "BE")),
        Feature("Amount", 1.0, "amount_minor"),
        Feature("log_amount", 1.0, "log_amount"),
        Feature("hour_sin", 0.0, "hour_sin"),
        Feature("hour_cos", 0.0, "hour_cos"),
    )
    sent = [transaction(n, country="DE" if n else "FR") for n in range(4)]
    sent = [msgspec.structs.replace(each, event_time_ms=BASE_MS + n * 2 * DAY_MS) for n, each in enumerate(sent)]
    past.decide(sent)
    past.say([fraud(1, day=3)])
    past.keep(list(enumerate(sent)))
    past.write("decisions", [decision(10**6, event_time_ms=BASE_MS + 19 * DAY_MS)])
    _, data = gathered(past, tmp_path, features=features)
    manifest = msgspec.structs.replace(manifest_of(tmp_path), features=features)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.data.featureset.MIN_DAYS_FOR_HOURS", 5)
        made = make_features(feature_set(manifest), data)
    assert [(each.name, each.kind) for each in made] == [(each.name, each.kind) for each in features]
    assert made[1].categories == ("DE", "FR")
