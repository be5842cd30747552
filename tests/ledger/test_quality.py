"""Model quality on matured transactions: counted in SQL by the rules of `stream.evaluation.outcome`."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from prometheus_client import generate_latest
from sqlalchemy import Engine, select

from schemas.errors import LedgerUnavailableError
from schemas.messages import Decision, Label, ShadowScore
from stream.evaluation.confusion import Confusion
from stream.evaluation.outcome import SOURCES, Outcome, outcome_of
from stream.ledger.database import opened_engine, reading
from stream.ledger.gate_runner import DAY_MS
from stream.ledger.labelled_decisions import load_labelled_decisions
from stream.ledger.metrics import LedgerMetrics
from stream.ledger.outcome_sql import decision_outcomes
from stream.ledger.quality import MeasuredModel, ModelQuality, measure_quality
from stream.ledger.quality_monitor import PAUSE_FACTOR, QualityMonitor
from stream.ledger.tables import decisions
from stream.runtime.ports import free_port
from stream.scoring.policy import VERDICTS
from stream.settings import Settings
from tests.support.ledger_batch import LedgerWriter, ManualClock
from tests.support.records import BASE_MS, CHALLENGER, CHAMPION, decision, label, shadow

SECOND_MS = 1000
#: A window that reaches further back than any history in these tests.
ALL_MS = BASE_MS
EXACT = Settings().replace(watermark_lateness_s=0)
DECIDED = MeasuredModel(CHAMPION, "1", "p1", "champion")
SHADOWED = MeasuredModel(CHALLENGER, "2", "p2", "challenger")


def fill(
    engine: Engine, decided: Sequence[Decision], shadowed: Sequence[ShadowScore] = (), labelled: Sequence[Label] = ()
) -> None:
    """Write history; the watermark is the event time of the last decision."""
    clock = ManualClock(BASE_MS + 365 * DAY_MS)
    for kind, messages in (("decisions", decided), ("shadow_scores", shadowed), ("labels", labelled)):
        LedgerWriter(engine, kind, settings=EXACT, clock=clock).write(messages)


def measure(engine: Engine, *, window_ms: int = ALL_MS, maturity_ms: int = 0, latest_ms: int = 2**62) -> ModelQuality:
    """Measure quality, by default over everything before the watermark."""
    return measure_quality(engine, window_ms=window_ms, maturity_ms=maturity_ms, latest_ms=latest_ms)


def any_history(seed: int, count: int) -> tuple[list[Decision], list[Label]]:
    """Return decisions with all verdicts and up to five labels each, at few distinct times so that many are equal."""
    drawn = random.Random(seed)  # noqa: S311 - reproducible, not secret
    decided = [
        decision(number, verdict=drawn.choice(VERDICTS), arm=drawn.choice(["champion", "champion", "exploration"]))
        for number in range(count)
    ]
    labelled = [
        label(
            number,
            label_id=f"{number}-{drawn.choice('aAbéz€😀')}-{index}",
            source=drawn.choice(SOURCES),
            fraud=drawn.choice([True, False, None]),
            event_time_ms=BASE_MS + drawn.randrange(3),
        )
        for number in range(count)
        for index in range(drawn.randrange(6))
    ]
    drawn.shuffle(labelled)
    return decided, labelled


@pytest.mark.parametrize("seed", range(3))
def test_sql_agrees_with_the_python_rules(engine: Engine, seed: int) -> None:
    """SQL and Python agree on every outcome, whatever the labels; the counts equal those of the labelled decisions."""
    decided, labelled = any_history(seed, 500)
    fill(engine, decided, labelled=labelled)
    last_ms = decided[-1].event_time_ms
    outcomes = {
        each.transaction_id: outcome_of(
            each.verdict,
            each.event_time_ms,
            [one for one in labelled if one.transaction_id == each.transaction_id],
            watermark_ms=last_ms,
            maturity_ms=0,
        )
        for each in decided
    }
    codes = {Outcome.FRAUD: 1, Outcome.LEGITIMATE: 0, Outcome.LEGITIMATE_BY_MATURITY: 0, Outcome.CENSORED: None}
    subquery = decision_outcomes(decisions.c.event_time_ms <= last_ms)
    with reading(engine) as connection:
        query = select(subquery.c.transaction_id, subquery.c.fraud)
        in_sql = dict(connection.execute(query).all())
    assert in_sql == {transaction_id: codes[outcome] for transaction_id, outcome in outcomes.items()}
    assert set(outcomes.values()) == set(codes)
    by_rows = load_labelled_decisions(engine, topics=["transactions"], since_ms=0, maturity_ms=0)
    assert by_rows is not None
    cells = Counter(zip(by_rows.alerted.tolist(), by_rows.fraud.tolist(), strict=True))
    expected = Confusion(cells[True, True], cells[True, False], cells[False, False], cells[False, True])
    assert measure(engine).matured == {DECIDED: expected}
    assert min(cells.values()) > 0


def some_history() -> tuple[list[Decision], list[ShadowScore], list[Label]]:
    """Return one transaction for each possible sequence of events, and a later one that lets them mature."""
    decided = [
        decision(1),  # no label
        decision(2),  # charged back
        decision(3, verdict="review"),  # released
        decision(4, verdict="decline"),  # an analyst agrees
        decision(5, verdict="decline"),  # never reviewed: not counted
        decision(6, arm="exploration"),  # declined by its model, let through and charged back
        decision(7, bundle_sha256="c" * 64, model_version="0"),  # decided by an earlier champion
        decision(60),
    ]
    shadowed = [
        shadow(1, verdict="review"),
        shadow(2, verdict="decline"),
        shadow(3, verdict="approve"),
        shadow(4, verdict="approve"),
        shadow(5, verdict="approve"),
        shadow(6, verdict=None, score=None, problem="no feature V9"),
    ]
    labelled = [label(2), label(3, source="analyst", fraud=False), label(4, source="analyst"), label(6)]
    return decided, shadowed, labelled


def test_verdicts_are_counted_by_outcome(engine: Engine) -> None:
    """Each model's verdicts are counted separately; for a challenger, only the transactions that it scored count."""
    fill(engine, *some_history())
    assert measure(engine).matured == {
        DECIDED: Confusion(true_positive=2, false_positive=1, true_negative=1, false_negative=1),
        MeasuredModel("c" * 64, "0", "p1", "champion"): Confusion(0, 0, 1, 0),
        SHADOWED: Confusion(true_positive=1, false_positive=1, true_negative=1, false_negative=1),
    }


def test_the_window_ends_where_history_has_matured(engine: Engine) -> None:
    """Decisions too recent to have matured count as waiting, even if labelled; those before the window are ignored."""
    fill(engine, *some_history())
    quality = measure(engine, window_ms=2 * SECOND_MS, maturity_ms=56 * SECOND_MS)
    assert quality.matured[DECIDED] == Confusion(true_positive=0, false_positive=1, true_negative=0, false_negative=1)
    assert quality.waiting == {DECIDED: 4, MeasuredModel("c" * 64, "0", "p1", "champion"): 1}
    assert measure(engine).waiting == {DECIDED: 1}


def test_one_bundle_under_two_policies_is_two_models(engine: Engine) -> None:
    """One bundle under two policies is two models: a challenger may be the champion's bundle with another policy."""
    shadowed = [shadow(1, bundle_sha256=CHAMPION, model_version="1", policy_version="strict", verdict="decline")]
    fill(engine, [decision(1), decision(60)], shadowed)
    strict = MeasuredModel(CHAMPION, "1", "strict", "challenger")
    assert measure(engine).matured == {DECIDED: Confusion(0, 0, 1, 0), strict: Confusion(0, 1, 0, 0)}


def test_the_newest_label_is_the_newest_plausible_one(engine: Engine) -> None:
    """A label dated 2099 does not count as the newest, because it would silence the alert on missing labels forever."""
    assert measure(engine) == ModelQuality()
    fill(
        engine, [], labelled=[label(1), label(99, event_time_ms=BASE_MS + 5), label(2, event_time_ms=4_070_908_800_000)]
    )
    newest_ms = BASE_MS + 30 * DAY_MS
    assert measure(engine, latest_ms=newest_ms) == ModelQuality(newest_label_ms=newest_ms)
    assert measure(engine, latest_ms=newest_ms - 1) == ModelQuality(newest_label_ms=BASE_MS + 5)


def test_the_monitor_uses_the_settings_and_pauses(engine: Engine) -> None:
    """The monitor applies the settings, and a measurement of two seconds is followed by a pause of twenty."""
    settings = Settings().replace(
        gate_maturity_days=2, ledger_quality_days=1, watermark_max_clock_skew_s=10, watermark_lateness_s=0
    )
    times_ms = [BASE_MS, BASE_MS + DAY_MS, BASE_MS + 2 * DAY_MS - 1, BASE_MS + 2 * DAY_MS, BASE_MS + 4 * DAY_MS]
    clock = ManualClock(BASE_MS + 10 * DAY_MS)
    decided = [decision(number, event_time_ms=time_ms) for number, time_ms in enumerate(times_ms)]
    LedgerWriter(engine, settings=settings, clock=clock).write(decided)
    labelled = [label(n, label_id=f"l{n}", event_time_ms=clock.ms + n * 1000, fraud=False) for n in (9, 10, 11)]
    LedgerWriter(engine, "labels", clock=clock).write(labelled)
    ticks = iter([0.0, 0.0, 2.0, 2.0 + 2 * PAUSE_FACTOR - 1, 2.0 + 2 * PAUSE_FACTOR, 100.0])
    monitor = QualityMonitor(engine, settings, clock, monotonic=lambda: next(ticks))
    quality = monitor.measure()
    assert quality is not None
    assert quality.matured == {DECIDED: Confusion(0, 0, 2, 0)}
    assert quality.waiting == {DECIDED: 2}
    assert quality.newest_label_ms == clock.ms + 10_000
    assert monitor.measure() is None
    assert monitor.measure() == quality


def test_no_pause_follows_a_failed_measurement() -> None:
    """No pause follows a failed measurement: with an unavailable database, each attempt raises."""
    with opened_engine(f"postgresql+psycopg://u@127.0.0.1:{free_port()}/d") as engine:
        monitor = QualityMonitor(engine, Settings(), ManualClock())
        for _ in range(2):
            with pytest.raises(LedgerUnavailableError):
                monitor.measure()


def exported(metrics: LedgerMetrics) -> dict[tuple[str, str, str], float]:
    """Return the samples of model metrics, keyed by name, role and outcome; a label that a sample lacks is empty."""
    return {
        (sample.name, sample.labels.get("role", ""), sample.labels.get("outcome", "")): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name.startswith("model_")
    }


def test_a_measurement_is_exported_until_the_next_one() -> None:
    """A measurement is replaced as a whole: a model missing from the next measurement has no samples left."""
    metrics = LedgerMetrics()
    assert exported(metrics) == {}
    metrics.show_quality(
        ModelQuality({DECIDED: Confusion(6, 4, 86, 2), SHADOWED: Confusion(0, 0, 5, 0)}, {DECIDED: 7}, BASE_MS)
    )
    counts = {("true_positive", 6), ("false_positive", 4), ("true_negative", 86), ("false_negative", 2)}
    samples = exported(metrics)
    assert {(out, value) for (name, role, out), value in samples.items() if out and role == "champion"} == counts
    assert {name: value for (name, role, out), value in samples.items() if role == "champion" and not out} == {
        "model_accuracy": pytest.approx(92 / 98),
        "model_precision": 0.6,
        "model_recall": 0.75,
        "model_f1": pytest.approx(12 / 18),
        "model_false_positive_rate": pytest.approx(4 / 90),
        "model_false_negative_rate": 0.25,
        "model_labels_waiting": 7,
    }
    assert samples["model_newest_label_timestamp_seconds", "", ""] == BASE_MS / 1000
    metrics.show_quality(ModelQuality())
    assert exported(metrics) == {}


def test_ratios_without_a_denominator_have_no_sample() -> None:
    """A ratio without a denominator has no sample, because zero would raise a false alarm or hide a real one."""
    metrics = LedgerMetrics()
    metrics.show_quality(ModelQuality({SHADOWED: Confusion(0, 0, 5, 0)}))
    names = {name for name, role, _ in exported(metrics) if role == "challenger"}
    assert names == {"model_matured_transactions", "model_accuracy", "model_false_positive_rate"}


def test_samples_name_their_model() -> None:
    """Samples carry four labels: bundle, version, policy and role; counts carry the outcome too."""
    metrics = LedgerMetrics()
    metrics.show_quality(ModelQuality({DECIDED: Confusion(1, 0, 0, 0)}))
    own = 'policy="p1",role="champion",version="1"} 1.0'
    lines = generate_latest(metrics.registry).decode()
    assert f'model_recall{{bundle_sha256="{CHAMPION}",{own}' in lines
    assert f'model_matured_transactions{{bundle_sha256="{CHAMPION}",outcome="true_positive",{own}' in lines
