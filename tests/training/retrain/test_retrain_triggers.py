"""Retraining is triggered by labels that show more errors, and by the age of the champion."""

import msgspec

from schemas.messages import RetrainAnswer, RetrainRequest
from stream.control.retrain_requests import answer_request, new_request, read_requests, request_retraining
from tests.training.drift.test_concept_monitor import frauds, transactions
from tests.training.retrain.conftest import MakeSetup, RetrainSetup
from training.drift.concept_monitor import ConceptMonitor
from training.retrain.retrain_triggers import AUTHOR, RetrainTriggers
from training.retrain.schedule import DAY_MS, overdue

DECLINED = RetrainAnswer("declined", "too few", 5 * DAY_MS)


def new_triggers(setup: RetrainSetup, every_days: float | None = None) -> RetrainTriggers:
    """Return the triggers as a new process creates them."""
    monitor = ConceptMonitor(setup.history.engine, setup.settings.gate, setup.settings.topic)
    return RetrainTriggers(monitor, setup.settings, every_days=every_days)


def requests(setup: RetrainSetup) -> list[RetrainRequest]:
    """Return the requests on the topic."""
    return read_requests(setup.settings.kafka, setup.settings.topic)


def decline(setup: RetrainSetup, request: RetrainRequest) -> None:
    """Answer a request by declining it."""
    answer_request(setup.settings.kafka, setup.settings.topic, request, DECLINED)


def miss_frauds(setup: RetrainSetup) -> None:
    """Record decisions of a champion that begins to miss frauds."""
    frauds(setup.history, 0, 150, "review")
    frauds(setup.history, 150, 60, "approve")
    setup.history.mature()


def test_missed_frauds_request_a_model_once(make_setup: MakeSetup) -> None:
    """A restarted process writes the same request for the same alarm, even after it was declined."""
    setup = make_setup()
    miss_frauds(setup)
    triggers = new_triggers(setup)
    (line,) = triggers.check(setup.promoter)
    (request,) = requests(setup)
    assert (request.cause, request.author, request.bundle_sha256) == ("performance", AUTHOR, setup.champion.sha256)
    assert "of the frauds are missed, up from" in request.why
    assert line == f"{request.why}: requested (performance: {request.why})"
    assert triggers.check(setup.promoter) == []
    decline(setup, request)
    (line,) = new_triggers(setup).check(setup.promoter)
    assert "already requested" in line
    assert len(requests(setup)) == 1


def test_an_alarm_waits_for_the_end_of_the_cooldown(make_setup: MakeSetup) -> None:
    """If the same cause has requested a model recently, the alarm is kept until the cooldown is over."""
    setup = make_setup()
    settings = setup.settings
    earlier = new_request("performance", setup.champion.sha256, "an earlier alarm", author=AUTHOR)
    request_retraining(settings.kafka, settings.topic, settings.retrain, earlier)
    decline(setup, earlier)
    miss_frauds(setup)
    triggers = new_triggers(setup)
    for _ in range(2):
        (line,) = triggers.check(setup.promoter)
        assert "FRAUD_RETRAIN_COOLDOWN_DAYS" in line
    triggers._settings = settings.replace(retrain_cooldown_days=0.0)
    (line,) = triggers.check(setup.promoter)
    assert ": requested (performance: " in line
    assert triggers.check(setup.promoter) == []


def test_scores_that_are_not_calibrated_are_reported_once(make_setup: MakeSetup) -> None:
    """Scores that are no longer calibrated are reported once for a person to check, and request nothing."""
    setup = make_setup()
    setup.history.decide(transactions(0, 400), score=0.5)
    setup.history.mature()
    triggers = new_triggers(setup)
    (line,) = triggers.check(setup.promoter)
    assert line.startswith("champion fraud/1: scores predict 50.000% frauds, but 0.000% of 400")
    assert triggers.check(setup.promoter) == []
    assert not requests(setup)


def test_an_old_champion_is_replaced(make_setup: MakeSetup) -> None:
    """A champion created in 1970 is replaced because of its age, but only with --every."""
    setup = make_setup()
    assert new_triggers(setup).check(setup.promoter) == []
    (line,) = new_triggers(setup, every_days=90).check(setup.promoter)
    assert line.startswith("the newest model made to decide is ")
    (request,) = requests(setup)
    assert request.cause == "schedule"


def test_age_runs_from_the_newest_model_made_to_decide() -> None:
    """The age counts from the newest challenger made for this champion; declined requests do not reset it."""
    champion = "a" * 64

    def answered(answer: RetrainAnswer | None, of: str = champion) -> RetrainRequest:
        return msgspec.structs.replace(new_request("hand", of, "why", author="ann"), answer=answer)

    def due(*requests: RetrainRequest) -> bool:
        return overdue(0, champion, requests, every_days=30, now_ms=31 * DAY_MS) is not None

    assert due()
    assert due(answered(DECLINED), answered(None))
    made = RetrainAnswer("challenger", "version 2", 5 * DAY_MS)
    assert not due(answered(made), answered(DECLINED))
    assert due(answered(made, "b" * 64))
    assert overdue(0, champion, [], every_days=31, now_ms=31 * DAY_MS) is None
