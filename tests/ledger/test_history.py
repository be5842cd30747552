"""What readers get: watermark, matured decisions, counts, flips; and what retention leaves of it."""

import math

import numpy as np
import pytest
from sqlalchemy import Engine, func, select

from stream.ledger.counts import Counts, count, daily_flips, flip_matrix
from stream.ledger.database import reading
from stream.ledger.history import ModelIdentity
from stream.ledger.repository import load_matured_decisions, load_watermark
from stream.ledger.retention import delete_chunk
from stream.ledger.tables import decisions, labels, shadow_scores
from stream.settings import Settings
from tests.support.ledger_batch import ManualClock, Writer
from tests.support.records import BASE_MS, CHALLENGER, CHAMPION, decision, label, shadow

ONE, TWO = ModelIdentity(CHAMPION, "p1"), ModelIdentity(CHALLENGER, "p2")
IN_2099 = 4_070_908_800_000
EXACT = Settings().replace(watermark_lateness_s=0)


def test_the_watermark_follows_the_slowest_partition(engine: Engine) -> None:
    """Less the lateness; a partition that was claimed and shows nothing holds it until it is idle."""
    clock = ManualClock(BASE_MS + 10_000)
    writer = Writer(engine, partitions=(0, 1), settings=Settings().replace(watermark_lateness_s=2), clock=clock)
    assert writer.write([decision(9)], 0).watermark_ms is None
    assert writer.write([decision(5)], 1).watermark_ms == BASE_MS + 3_000
    assert writer.write([decision(8)], 1).watermark_ms == BASE_MS + 6_000
    clock.ms += 301_000  # partition 1 falls silent
    assert writer.write([decision(20)], 0).watermark_ms == BASE_MS + 18_000
    assert writer.write([decision(10)], 1).watermark_ms == BASE_MS + 18_000
    assert load_watermark(engine) == BASE_MS + 18_000


def test_one_transaction_dated_2099_matures_nothing(engine: Engine) -> None:
    """Neither itself nor what stands beside it; it is counted."""
    writer = Writer(engine, partitions=(0,), settings=EXACT, clock=ManualClock(BASE_MS + 10_000))
    written = writer.write([decision(1), decision(2, event_time_ms=IN_2099), decision(5)])
    assert (written.ahead, written.watermark_ms) == (1, BASE_MS + 5_000)
    Writer(engine, "shadow_scores").write([shadow(n) for n in (1, 2, 5)])
    found = load_matured_decisions(engine, champion=ONE, challenger=TWO, since=0, until=2**60, maturity_ms=2_000)
    assert found.transaction_id.tolist() == ["t1"]
    alone = Writer(engine, partitions=(3,), settings=EXACT, clock=ManualClock(BASE_MS + 10_000))
    assert alone.write([decision(7, event_time_ms=IN_2099)], 3).watermark_ms == BASE_MS + 5_000


def test_without_a_watermark_nothing_is_matured(engine: Engine) -> None:
    """An empty history is complete up to nowhere; the columns are there, empty."""
    assert load_watermark(engine) is None
    found = load_matured_decisions(engine, champion=ONE, challenger=TWO, since=0, until=2**60)
    assert len(found) == 0
    assert found.champion_score.dtype == np.float64
    assert found.labels.fraud.dtype == np.int8


def fill(engine: Engine) -> None:
    """Write a split, an exploration, a failure, an amount that is missing, and labels in all their kinds."""
    clock = ManualClock(BASE_MS + 100_000)
    made = [
        decision(1),
        decision(2, bundle_sha256=CHALLENGER, policy_version="p2", arm="challenger", propensity=0.2, verdict="review"),
        decision(3, arm="exploration", propensity=0.05),
        decision(4, amount_minor=None, currency=None),
        decision(5, bundle_sha256="c" * 64),  # another champion's time
        decision(6, verdict="decline"),
        decision(60),
    ]
    watched = [shadow(n) for n in (1, 3, 5, 6)]
    watched += [shadow(2, bundle_sha256=CHAMPION, policy_version="p1", score=0.25, verdict="decline")]
    watched += [shadow(4, score=None, verdict=None, problem="no feature V9")]
    Writer(engine, settings=EXACT, clock=clock).write(made)
    Writer(engine, "shadow_scores", clock=clock).write(watched)
    said = [label(1), label(1, label_id="back", fraud=None, event_time_ms=BASE_MS + 31 * 86_400_000)]
    said += [label(2, source="analyst", fraud=False), label(99)]
    Writer(engine, "labels", clock=clock).write(said)


def test_matured_decisions_stand_beside_the_challenger_and_all_labels(engine: Engine) -> None:
    """Whoever decided: champion and challenger are always the same columns."""
    fill(engine)
    found = load_matured_decisions(engine, champion=ONE, challenger=TWO, since=BASE_MS, until=BASE_MS + 50_000)
    assert found.transaction_id.tolist() == ["t1", "t2", "t3", "t4", "t6"]
    assert found.by_challenger.tolist() == [False, True, False, False, False]
    assert found.champion_score.tolist() == [0.001, 0.25, 0.003, 0.004, 0.006]
    assert found.challenger_score[:3].tolist() == pytest.approx([0.101, 0.002, 0.103])
    assert math.isnan(found.challenger_score[3])
    assert found.challenger_verdict.tolist() == ["approve", "review", "approve", None, "approve"]
    assert found.champion_verdict.tolist() == ["approve", "decline", "decline", "approve", "decline"]
    assert found.verdict.tolist() == ["approve", "review", "approve", "approve", "decline"]
    assert found.arm.tolist() == ["champion", "challenger", "exploration", "champion", "champion"]
    assert found.propensity.tolist() == [1.0, 0.2, 0.05, 1.0, 1.0]
    assert np.isnan(found.amount_minor).tolist() == [False, False, False, True, False]
    assert found.currency.tolist() == ["EUR", "EUR", "EUR", "", "EUR"]
    assert found.card_id.tolist()[0] == "card-1"
    said = found.labels
    assert said.decision.tolist() == [0, 0, 1]
    assert said.source.tolist() == ["chargeback", "chargeback", "analyst"]
    assert said.fraud.tolist() == [1, -1, 0]
    assert said.event_time_ms.tolist()[1] == BASE_MS + 31 * 86_400_000
    assert said.ingested_at_ms.tolist() == [BASE_MS + 100_000] * 3


def test_the_interval_is_half_open_and_ends_at_the_watermark(engine: Engine) -> None:
    """Since is in, until is out, and what history is not complete for is out whatever is asked."""
    fill(engine)

    def ids(since: int, until: int, maturity_ms: int = 0) -> list[str]:
        found = load_matured_decisions(
            engine, champion=ONE, challenger=TWO, since=since, until=until, maturity_ms=maturity_ms
        )
        return list(found.transaction_id)

    assert ids(BASE_MS + 3_000, BASE_MS + 6_000) == ["t3", "t4"]
    assert ids(0, 2**60, maturity_ms=57_000) == ["t1", "t2"]


def test_counts_say_what_history_lacks(engine: Engine) -> None:
    """Waiting, censored, labelled, and labels whose decision has not come."""
    fill(engine)
    everything = count(engine, since=0, until=2**60, matured_before=BASE_MS + 10_000)
    assert everything == Counts(decisions=7, labelled=2, waiting=1, censored=1, labels_without_decision=1)
    inside = count(engine, since=BASE_MS + 2_000, until=BASE_MS + 3_000, matured_before=0)
    assert (inside.decisions, inside.labelled, inside.waiting) == (1, 1, 0)


def test_flips_by_day(engine: Engine) -> None:
    """A challenger against each model that decided; exploration is a row of its own in the matrix, and no flip."""
    clock = ManualClock(BASE_MS + 200_000_000)
    day = 86_400  # seconds, one decision each
    Writer(engine, clock=clock).write(
        [decision(850), decision(950), decision(day + 850), decision(3, arm="exploration")]
    )
    Writer(engine, "shadow_scores", clock=clock).write([shadow(n) for n in (850, 950, day + 850, 3)])
    found = daily_flips(engine, TWO)
    assert [(each.day, each.decided_by, each.transactions, each.flips) for each in found] == [
        ("2026-11-01", ONE, 2, 1),
        ("2026-11-02", ONE, 1, 0),
    ]
    assert found[0].mean_score_difference == pytest.approx(0.1)
    cells = {(c.day, c.arm, c.decided, c.challenger_verdict): c.transactions for c in flip_matrix(engine, TWO)}
    assert cells == {
        ("2026-11-01", "champion", "approve", "review"): 1,
        ("2026-11-01", "champion", "review", "review"): 1,
        ("2026-11-01", "exploration", "approve", "approve"): 1,
        ("2026-11-02", "champion", "approve", "approve"): 1,
    }
    assert daily_flips(engine, ONE) == []


def sizes(engine: Engine) -> tuple[int, ...]:
    """Return how many decisions, shadow scores and labels there are."""
    with reading(engine) as connection:
        tables = (decisions, shadow_scores, labels)
        return tuple(int(connection.execute(select(func.count()).select_from(t)).scalar_one()) for t in tables)


def test_retention_goes_by_ingest_time_in_bounded_chunks(engine: Engine) -> None:
    """An old event read today stays; what belongs to an old decision goes with it, orphans go by their own age."""
    clock = ManualClock(BASE_MS)
    writers = [Writer(engine, kind, clock=clock) for kind in ("decisions", "shadow_scores", "labels")]
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
