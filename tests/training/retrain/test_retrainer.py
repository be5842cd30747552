"""From a request on Kafka to a challenger in the shadow: once, whatever is killed, or declined with the reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import training.retrain.retrainer as retraining
from schemas.messages import Challenger, RetrainAnswer
from stream.control.retrain_requests import read_requests
from stream.control.role_reader import all_roles, current_roles
from stream.models.bundle import read_bundle
from tests.training.retrain.conftest import RECIPES, ROWS, MakePlace, Place
from training.registry.runs import FINISHED
from training.retrain.retrainer import AUTHOR
from training.retrain.runs import EXPERIMENT
from training.retrain.train import train
from training.study.recipe import recipe_of


def answers(place: Place) -> list[RetrainAnswer | None]:
    """What stands on the topic, in order of asking."""
    return [request.answer for request in read_requests(place.settings)]


def runs(place: Place) -> list[Any]:
    """Every run of a request."""
    client = place.mlflow.client
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def declined(place: Place) -> str:
    """Work the one open request, which is declined, and say why."""
    (line,) = place.retrainer.look()
    answer = answers(place)[-1]
    assert answer is not None
    assert answer.outcome == "declined"
    assert line.endswith(f": declined, {answer.why}")
    assert len(place.promoter.registry.all()) == 1
    assert place.retrainer.look() == []
    return answer.why


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_request_becomes_a_challenger_that_only_watches(make_place: MakePlace, recipe: str) -> None:
    """Made as the champion was, on what is known by now; it decides nothing, and the request is answered."""
    place = make_place(recipe)
    place.past.live()
    request = place.ask()
    (line,) = place.retrainer.look()
    assert line == (
        f"retraining on request {request.request_id[:12]} (drift: PSI of V1 is 0.4): "
        "challenger, version 2 watches as bundle fraud/2"
    )
    roles = current_roles(place.settings)
    assert roles is not None
    version = place.promoter.registry.find("challenger")
    assert (roles.champion, roles.challengers) == (place.champion, (Challenger(version.bundle),))
    assert (roles.author, roles.epoch) == (AUTHOR, 2)
    (answer,) = answers(place)
    assert answer is not None
    assert (answer.outcome, answer.why) == ("challenger", "version 2 watches as bundle fraud/2")
    manifest = read_bundle(place.promoter.store, version.bundle).manifest
    assert manifest.feature_names == ("V1", "V2", "V3", "Amount")
    assert (manifest.algorithm, manifest.policy.kind) == (RECIPES[recipe].family, "score")
    assert manifest.training_window.rows == pytest.approx(0.6 * ROWS, abs=2)
    assert manifest.metrics["pr_auc_validation"].value > 0.5
    retrainer = place.retrainer
    assert recipe_of(version.run_id, place.promoter.runs, retrainer.studies) == RECIPES[recipe]


def test_one_request_is_worked_once(make_place: MakePlace) -> None:
    """A second look finds nothing open; a request told twice is the same; one by hand later is worked anew."""
    place = make_place()
    place.past.live()
    first = place.ask()
    place.retrainer.look()
    assert place.retrainer.look() == []
    again = place.retrainer.work(first)  # as a process that read the topic before the answer was there
    assert again.why == "version 2 watches as bundle fraud/2"
    assert (len(runs(place)), len(all_roles(place.settings))) == (1, 2)
    place.ask("hand")
    (line,) = place.retrainer.look()
    assert line.endswith("challenger, version 3 watches as bundle fraud/3")
    roles = current_roles(place.settings)
    assert roles is not None
    assert [each.bundle.path for each in roles.challengers] == ["fraud/3", "fraud/2"]


#: Where the process dies: what it was about to call, or had just called.
DEATHS: dict[str, tuple[str, bool]] = {
    "after training": ("train", True),
    "before registering": ("register", False),
    "after registering": ("register", True),
    "before the answer": ("answer_request", False),
    "after the answer": ("answer_request", True),
}
#: Those that the suite leaves to `make test-slow`.
OTHER_DEATHS = ("before registering", "after registering", "after the answer")


def deadly(call: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """A call around which the process dies, which no `except Exception` sees."""

    def die(*arguments: Any, **named: Any) -> None:
        if after:
            call(*arguments, **named)
        raise KeyboardInterrupt

    return die


@pytest.mark.parametrize(
    "when",
    ["after training", "before the answer", *(pytest.param(each, marks=pytest.mark.slow) for each in OTHER_DEATHS)],
)
def test_a_process_that_dies_is_gone_on_with(make_place: MakePlace, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """Wherever it dies there is one run, one new version, one change of roles and one answer in the end."""
    place = make_place()
    place.past.live()
    place.ask()
    name, after = DEATHS[when]
    with monkeypatch.context() as patch:
        patch.setattr(retraining, name, deadly(getattr(retraining, name), after=after))
        with pytest.raises(KeyboardInterrupt):
            place.retrainer.look()
    place.retrainer.look()
    assert place.retrainer.look() == []
    (answer,) = answers(place)
    assert answer is not None
    assert answer.outcome == "challenger"
    (run,) = runs(place)
    assert run.info.status == FINISHED
    assert len(place.promoter.registry.all()) == 2
    assert len(all_roles(place.settings)) == 2
    assert len(place.promoter.history.entries()) == 2


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_the_role_gives_it_once(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    """And whoever was taken out of the shadow by a person before the answer stays out."""
    place = make_place()
    place.past.live()
    place.ask()
    retrainer = place.retrainer
    with monkeypatch.context() as patch:
        challenge = type(place.promoter).challenge
        patch.setattr(type(place.promoter), "challenge", deadly(challenge, after=after))
        with pytest.raises(KeyboardInterrupt):
            retrainer.look()
    if after:
        place.promoter.appoint(place.champion, (), who="ann", why="not this one")
    place.retrainer.look()
    roles = current_roles(place.settings)
    assert roles is not None
    assert len(roles.challengers) == (0 if after else 1)
    assert answers(place)[0] is not None


def test_what_kills_its_process_is_not_tried_for_ever(make_place: MakePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times, then the request is declined."""
    place = make_place()
    place.past.live()
    place.ask()
    with monkeypatch.context() as patch:
        patch.setattr(retraining, "train", deadly(train, after=False))
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                place.retrainer.look()
    assert declined(place) == (
        "3 attempts came to nothing, the last because: the process ended; mend that and ask again"
    )


def test_an_outage_is_waited_out(make_place: MakePlace, tmp_path: Path) -> None:
    """However often it is met, it says nothing about the request: a mount that is gone, say, which comes back."""
    place = make_place()
    place.past.live()
    place.ask()
    there = place.settings
    place.settings = there.replace(archive_url=f"file://{tmp_path}/elsewhere")
    for _ in range(4):
        (line,) = place.retrainer.look()
        assert "elsewhere" in line
        assert line.endswith("; the next look tries again")
    assert answers(place) == [None]
    place.settings = there
    (line,) = place.retrainer.look()
    assert "challenger" in line


def test_what_must_not_be_retrained_is_declined_with_the_reason(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another champion, too few frauds, a leak; a later request is worked when that is mended."""
    place = make_place(retrain_min_frauds=300)
    place.past.live()
    place.ask(champion="f" * 64)
    assert declined(place) == "bundle ffffffffffff is not champion, fraud/1 is; ask about that"
    place.ask("hand")
    assert declined(place) == (
        "217 matured frauds of the last 400 days (by the ledger) are fewer than the 300 it takes "
        "(FRAUD_RETRAIN_MIN_FRAUDS)"
    )
    place.settings = place.settings.replace(retrain_min_frauds=217)
    with monkeypatch.context() as patch:
        patch.setattr("training.data.leaks.MAX_FRAUD_SHARE", 0.05)
        place.ask("hand")
        assert declined(place).startswith("resampled-before-split: 17% of all rows are frauds")
    place.ask("hand")
    (line,) = place.retrainer.look()
    assert "challenger" in line


def test_frauds_that_are_not_archived_do_not_count(make_place: MakePlace) -> None:
    """The line says how many are missing."""
    place = make_place()
    place.past.live(archived=False)
    place.ask()
    assert declined(place).startswith(
        f"0 matured frauds of the last 400 days ({ROWS} of {ROWS} known rows are not archived, 0 the champion would "
        "refuse, 0 are censored) are fewer than the 200 it takes"
    )


def test_a_champion_of_unknown_making_is_declined(make_place: MakePlace) -> None:
    """Nothing says how to make another like it."""
    place = make_place(None)
    place.past.live()
    place.ask()
    assert declined(place).endswith("does not say how its model was made; train and promote one: fraud-train study")
