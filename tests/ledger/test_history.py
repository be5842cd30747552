"""What readers of a ledger get (watermark, matured decisions, unresolved outcomes), and what retention deletes."""

import math

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from schemas.messages import Exploration
from stream.evaluation.costs import CappedCosts
from stream.evaluation.counterfactual import changes_by_day
from stream.ledger.database import reading
from stream.ledger.gate_runner import DAY_MS
from stream.ledger.history import ModelIdentity
from stream.ledger.labelled_decisions import load_labelled_decisions
from stream.ledger.pairs import make_pairs
from stream.ledger.quality import MeasuredModel, measure_quality
from stream.ledger.repository import load_matured_decisions, load_watermark
from stream.ledger.retention import delete_chunk
from stream.ledger.store import WriteResult
from stream.ledger.tables import decisions, labels, shadow_scores
from stream.settings import Settings
from tests.support.ledger_batch import LedgerWriter, ManualClock
from tests.support.records import BASE_MS, CHALLENGER, CHAMPION, decision, label, shadow

ONE, TWO = ModelIdentity(CHAMPION, "p1"), ModelIdentity(CHALLENGER, "p2")
IN_2099 = 4_070_908_800_000
#: Without lateness, the watermark equals the newest event time.
EXACT = Settings().replace(watermark_lateness_s=0)


def test_the_watermark_follows_the_slowest_partition(engine: Engine) -> None:
    """The watermark lags by the lateness; an empty claimed partition holds it back until the partition is idle."""
    clock = ManualClock(BASE_MS + 10_000)
    writer = LedgerWriter(engine, partitions=(0, 1), settings=Settings().replace(watermark_lateness_s=2), clock=clock)
    assert writer.write([decision(9)], 0).watermark_ms is None
    assert writer.write([decision(5)], 1).watermark_ms == BASE_MS + 3_000
    assert writer.write([decision(8)], 1).watermark_ms == BASE_MS + 6_000
    clock.ms += 301_000  # partition 1 falls silent
    assert writer.write([decision(20)], 0).watermark_ms == BASE_MS + 18_000
    assert writer.write([decision(10)], 1).watermark_ms == BASE_MS + 18_000
    assert load_watermark(engine) == BASE_MS + 18_000


def test_one_transaction_dated_2099_matures_nothing(engine: Engine) -> None:
    """Neither a transaction dated 2099 nor its neighbours mature, and the transaction is counted."""
    writer = LedgerWriter(engine, partitions=(0,), settings=EXACT, clock=ManualClock(BASE_MS + 10_000))
    written = writer.write([decision(1), decision(2, event_time_ms=IN_2099), decision(5)])
    assert (written.ahead, written.watermark_ms) == (1, BASE_MS + 5_000)
    LedgerWriter(engine, "shadow_scores").write([shadow(n) for n in (1, 2, 5)])
    matured = load_matured_decisions(engine, champion=ONE, challenger=TWO, since=0, until=2**60, maturity_ms=2_000)
    assert matured.transaction_id.tolist() == ["t1"]
    alone = LedgerWriter(engine, partitions=(3,), settings=EXACT, clock=ManualClock(BASE_MS + 10_000))
    assert alone.write([decision(7, event_time_ms=IN_2099)], 3).watermark_ms == BASE_MS + 5_000


def test_without_a_watermark_nothing_is_matured(engine: Engine) -> None:
    """Without a watermark, history is empty, and its columns still have their types."""
    assert load_watermark(engine) is None
    matured = load_matured_decisions(engine, champion=ONE, challenger=TWO, since=0, until=2**60)
    assert len(matured) == 0
    assert matured.champion_score.dtype == np.float64
    assert matured.labels.fraud.dtype == np.int8


def fill(engine: Engine) -> WriteResult:
    """Write a split, an exploration, a failed shadow score, a missing amount and labels of all kinds.

    Returns:
        The result of writing the labels.
    """
    clock = ManualClock(BASE_MS + 100_000)
    decided = [
        decision(1),
        decision(2, bundle_sha256=CHALLENGER, policy_version="p2", arm="challenger", propensity=0.2, verdict="review"),
        decision(3, arm="exploration", propensity=0.05),
        decision(4, amount_minor=None, currency=None),
        decision(5, bundle_sha256="c" * 64),  # decided by an earlier champion
        decision(6, verdict="decline"),
        decision(60),
    ]
    shadowed = [shadow(n) for n in (1, 3, 5, 6)]
    shadowed += [shadow(2, bundle_sha256=CHAMPION, policy_version="p1", score=0.25, verdict="decline")]
    shadowed += [shadow(4, score=None, verdict=None, problem="no feature V9")]
    LedgerWriter(engine, settings=EXACT, clock=clock).write(decided)
    LedgerWriter(engine, "shadow_scores", clock=clock).write(shadowed)
    labelled = [label(1), label(1, label_id="back", fraud=None, event_time_ms=BASE_MS + 31 * 86_400_000)]
    labelled += [label(2, source="analyst", fraud=False), label(99)]
    return LedgerWriter(engine, "labels", clock=clock).write(labelled)


def test_matured_decisions_carry_both_models_and_all_labels(engine: Engine) -> None:
    """Champion and challenger each have their own columns, whichever of the two decided."""
    fill(engine)
    matured = load_matured_decisions(engine, champion=ONE, challenger=TWO, since=BASE_MS, until=BASE_MS + 50_000)
    assert matured.transaction_id.tolist() == ["t1", "t2", "t3", "t4", "t6"]
    assert matured.by_challenger.tolist() == [False, True, False, False, False]
    assert matured.champion_score.tolist() == [0.001, 0.25, 0.003, 0.004, 0.006]
    assert matured.challenger_score[:3].tolist() == pytest.approx([0.101, 0.002, 0.103])
    assert math.isnan(matured.challenger_score[3])
    assert matured.challenger_verdict.tolist() == ["approve", "review", "approve", None, "approve"]
    assert matured.champion_verdict.tolist() == ["approve", "decline", "decline", "approve", "decline"]
    assert matured.verdict.tolist() == ["approve", "review", "approve", "approve", "decline"]
    assert matured.arm.tolist() == ["champion", "challenger", "exploration", "champion", "champion"]
    assert matured.propensity.tolist() == [1.0, 0.2, 0.05, 1.0, 1.0]
    assert np.isnan(matured.amount_minor).tolist() == [False, False, False, True, False]
    assert matured.currency.tolist() == ["EUR", "EUR", "EUR", "", "EUR"]
    assert matured.card_id.tolist()[0] == "card-1"
    assert matured.labels.decision.tolist() == [0, 0, 1]
    assert matured.labels.source.tolist() == ["chargeback", "chargeback", "analyst"]
    assert matured.labels.fraud.tolist() == [1, -1, 0]
    assert matured.labels.event_time_ms.tolist()[1] == BASE_MS + 31 * 86_400_000
    assert matured.labels.ingested_at_ms.tolist() == [BASE_MS + 100_000] * 3


def test_the_interval_is_half_open_and_ends_at_the_watermark(engine: Engine) -> None:
    """`since` is inclusive and `until` exclusive; nothing at or after the watermark is returned."""
    fill(engine)

    def ids(since: int, until: int, maturity_ms: int = 0) -> list[str]:
        matured = load_matured_decisions(
            engine, champion=ONE, challenger=TWO, since=since, until=until, maturity_ms=maturity_ms
        )
        return list(matured.transaction_id)

    assert ids(BASE_MS + 3_000, BASE_MS + 6_000) == ["t3", "t4"]
    assert ids(0, 2**60, maturity_ms=57_000) == ["t1", "t2"]


def test_unresolved_outcomes_are_counted(engine: Engine) -> None:
    """Unresolved outcomes are immature decisions, unreviewed declines, and labels that came before a decision."""
    assert fill(engine).unknown == 1
    maturity_ms = 50_000

    def known_and_censored(since_ms: int) -> tuple[int, int]:
        labelled = load_labelled_decisions(engine, topics=["transactions"], since_ms=since_ms, maturity_ms=maturity_ms)
        assert labelled is not None
        return len(labelled), labelled.censored

    assert known_and_censored(0) == (5, 1)
    assert known_and_censored(BASE_MS + 5_000) == (1, 1)
    assert known_and_censored(BASE_MS + 7_000) == (0, 0)
    quality = measure_quality(engine, window_ms=BASE_MS, maturity_ms=maturity_ms, latest_ms=2**62)
    assert quality.waiting == {MeasuredModel(CHAMPION, "1", "p1", "champion"): 1}


def test_flips_by_day(engine: Engine) -> None:
    """A challenger is compared with the champion's own verdict, which differs from an explored decision's verdict."""
    clock = ManualClock(BASE_MS + 200_000_000)
    day = DAY_MS // 1000  # decisions, one per second
    LedgerWriter(engine, settings=EXACT, clock=clock).write(
        [decision(850), decision(950), decision(day + 850), decision(3, arm="exploration"), decision(2 * day)]
    )
    LedgerWriter(engine, "shadow_scores", clock=clock).write([shadow(n) for n in (850, 950, day + 850, 3)])
    matured = load_matured_decisions(engine, champion=ONE, challenger=TWO, since=0, until=2**60)
    pairs = make_pairs(matured, {1: Exploration(0.5, 10_000)}, watermark_ms=BASE_MS + 2 * DAY_MS, maturity_ms=0)
    first, second = changes_by_day(pairs, CappedCosts(10_000))
    assert (first.start_ms, second.start_ms) == (BASE_MS, BASE_MS + DAY_MS)
    assert (first.transactions, second.transactions) == (3, 1)
    # Rows: the champion's verdict; columns: the challenger's verdict (approve, review, decline).
    assert first.flips == ((0, 1, 0), (0, 1, 0), (1, 0, 0))
    assert second.flips == ((1, 0, 0), (0, 0, 0), (0, 0, 0))
    assert first.mean_score_difference == pytest.approx(0.1)
    other = ModelIdentity("c" * 64, "p2")
    assert len(load_matured_decisions(engine, champion=ONE, challenger=other, since=0, until=2**60)) == 0


def sizes(engine: Engine) -> tuple[int, ...]:
    """Return the number of decisions, shadow scores and labels."""
    with reading(engine) as connection:
        tables = (decisions, shadow_scores, labels)
        return tuple(int(connection.execute(select(func.count()).select_from(t)).scalar_one()) for t in tables)


def test_retention_goes_by_ingest_time_in_bounded_chunks(engine: Engine) -> None:
    """Retention deletes decisions by ingest time, with their scores and labels, in chunks of limited size.

    Scores and labels without a decision are deleted by their own ingest time.
    """
    clock = ManualClock(BASE_MS)
    writers = [LedgerWriter(engine, kind, clock=clock) for kind in ("decisions", "shadow_scores", "labels")]
    for make, writer in zip((decision, shadow, label), writers, strict=True):
        writer.write([make(number) for number in range(25)])
    writers[1].write([shadow(900)])
    writers[2].write([label(901)])
    clock.ms += 1_000
    writers[0].write([decision(30, event_time_ms=1)])
    writers[2].write([label(3, label_id="late"), label(902)])
    steps = [delete_chunk(engine, BASE_MS + 500, chunk=10)["decisions"] for _ in range(3)]
    assert steps == [10, 10, 5]
    assert sizes(engine) == (1, 1, 2)
    none = {"decisions": 0, "shadow_scores": 0, "labels": 0, "alert_history": 0}
    assert delete_chunk(engine, BASE_MS + 500, chunk=10) == none | {"shadow_scores": 1, "labels": 1}
    assert delete_chunk(engine, BASE_MS + 500, chunk=10) == none
    assert sizes(engine) == (1, 0, 1)
