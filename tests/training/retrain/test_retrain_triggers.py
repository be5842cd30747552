"""Who asks when nobody does: labels that tell of more errors, and age."""

import msgspec

from schemas.messages import RetrainAnswer, RetrainRequest
from stream.control.retrain_requests import answer_request, request_retraining, new_request, read_requests
from tests.training.drift.test_concept_monitor import frauds, transactions
from tests.training.retrain.conftest import MakePlace, Place
from training.drift.concept_monitor import ConceptMonitor
from training.retrain.retrain_triggers import AUTHOR, RetrainTriggers
from training.retrain.schedule import DAY_MS, overdue

DECLINED = RetrainAnswer("declined", "too few", 5 * DAY_MS)


def asker(place: Place, every_days: float | None = None) -> RetrainTriggers:
    """As a new process has it."""
    return RetrainTriggers(ConceptMonitor(place.past.engine, place.settings), place.settings, every_days=every_days)


def drift(place: Place) -> None:
    """A champion that begins to miss frauds."""
    frauds(place.past, 0, 150, "review")
    frauds(place.past, 150, 60, "approve")
    place.past.mature()


def test_missed_frauds_ask_once(make_place: MakePlace) -> None:
    """Whoever comes to the same alarm again, after a restart say, asks for the same: also when it was declined."""
    place = make_place()
    drift(place)
    one = asker(place)
    (line,) = one.look(place.promoter)
    (request,) = read_requests(place.settings)
    assert (request.cause, request.author, request.bundle_sha256) == ("performance", AUTHOR, place.champion.sha256)
    assert "of the frauds are missed, up from" in request.why
    assert line == f"{request.why}: requested (performance: {request.why})"
    assert one.look(place.promoter) == []
    answer_request(place.settings, request, DECLINED)
    (line,) = asker(place).look(place.promoter)
    assert "already requested" in line
    assert len(read_requests(place.settings)) == 1


def test_an_alarm_that_is_too_early_is_asked_for_later(make_place: MakePlace) -> None:
    """Performance has asked a short time ago; the alarm is kept until it may ask again."""
    place = make_place()
    before = new_request("performance", place.champion.sha256, "an alarm before", author=AUTHOR)
    request_retraining(place.settings, before)
    answer_request(place.settings, before, DECLINED)
    drift(place)
    one = asker(place)
    for _ in range(2):
        (line,) = one.look(place.promoter)
        assert "FRAUD_RETRAIN_COOLDOWN_DAYS" in line
    one._settings = place.settings.replace(retrain_cooldown_days=0.0)
    (line,) = one.look(place.promoter)
    assert ": requested (performance: " in line
    assert one.look(place.promoter) == []


def test_scores_that_are_off_are_said_once(make_place: MakePlace) -> None:
    """They ask for nothing by themselves: people look at the thresholds."""
    place = make_place()
    sent = transactions(0, 400)
    place.past.decide(sent, score=0.5)
    place.past.mature()
    one = asker(place)
    (line,) = one.look(place.promoter)
    assert line.startswith("champion fraud/1: scores promise 50.000% frauds, 0.000% of 400")
    assert one.look(place.promoter) == []
    assert not read_requests(place.settings)


def test_an_old_champion_asks_by_itself(make_place: MakePlace) -> None:
    """Made in 1970 here; without --every, age is no reason."""
    place = make_place()
    assert asker(place).look(place.promoter) == []
    (line,) = asker(place, every_days=90).look(place.promoter)
    assert line.startswith("the newest model made for its place is ")
    (request,) = read_requests(place.settings)
    assert request.cause == "schedule"


def test_age_runs_from_the_newest_model_made_for_the_place() -> None:
    """A challenger that waits for the gate counts; a declined request does not, nor does another champion's."""
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
