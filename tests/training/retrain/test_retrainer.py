"""A request on Kafka leads to exactly one challenger, even if processes die, or is declined with a reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import training.retrain.retrainer as retraining
from schemas.messages import Challenger, RetrainAnswer
from stream.control.retrain_requests import read_requests
from stream.control.role_reader import all_roles, current_roles
from stream.control.role_writer import publish_roles
from stream.models.bundle import read_bundle
from tests.training.decision_history import ROWS
from tests.training.retrain.conftest import RECIPES, MakeSetup, RetrainSetup
from training.registry.runs import FINISHED
from training.retrain.retrainer import AUTHOR
from training.retrain.runs import EXPERIMENT
from training.retrain.train import train
from training.study.recipe import recipe_of


def answers(setup: RetrainSetup) -> list[RetrainAnswer | None]:
    """Return the answers on the topic, in the order of their requests."""
    return [request.answer for request in read_requests(setup.settings.kafka, setup.settings.topic)]


def runs(setup: RetrainSetup) -> list[Any]:
    """Return the MLflow runs of all requests."""
    client = setup.mlflow.client
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


def declined(setup: RetrainSetup) -> str:
    """Handle the only open request, check that it is declined, and return the reason."""
    (line,) = setup.retrainer.handle_open_requests()
    answer = answers(setup)[-1]
    assert answer is not None
    assert answer.outcome == "declined"
    assert line.endswith(f": declined, {answer.why}")
    assert len(setup.promoter.registry.all()) == 1
    assert setup.retrainer.handle_open_requests() == []
    return answer.why


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_request_becomes_a_challenger_in_shadow(make_setup: MakeSetup, recipe: str) -> None:
    """The challenger is fitted like the champion on all known outcomes and decides nothing; the request is answered."""
    setup = make_setup(recipe)
    setup.history.simulate()
    request = setup.request()
    (line,) = setup.retrainer.handle_open_requests()
    assert line == (
        f"retraining on request {request.request_id[:12]} (drift: PSI of V1 is 0.4): "
        "challenger, version 2 runs in shadow mode as bundle fraud/2"
    )
    roles = current_roles(setup.settings.kafka, setup.settings.topic)
    assert roles is not None
    version = setup.promoter.registry.find("challenger")
    assert (roles.champion, roles.challengers) == (setup.champion, (Challenger(version.bundle),))
    assert (roles.author, roles.epoch) == (AUTHOR, 2)
    (answer,) = answers(setup)
    assert answer is not None
    assert (answer.outcome, answer.why) == ("challenger", "version 2 runs in shadow mode as bundle fraud/2")
    manifest = read_bundle(setup.promoter.store, version.bundle).manifest
    assert manifest.feature_names == ("V1", "V2", "V3", "Amount")
    assert (manifest.algorithm, manifest.policy.kind) == (RECIPES[recipe].family, "score")
    rule = "cost" if RECIPES[recipe].alerts_per_day is None else "budget"
    assert manifest.policy.version == f"{manifest.algorithm}-{rule}"
    assert manifest.training_window.rows == pytest.approx(0.6 * ROWS, abs=2)
    assert manifest.metrics["pr_auc_validation"].value > 0.5
    retrainer = setup.retrainer
    assert recipe_of(version.run_id, setup.promoter.runs, retrainer.studies) == RECIPES[recipe]


def test_one_request_is_handled_once(make_setup: MakeSetup) -> None:
    """Handling a request again gives the same answer; a later request by hand leads to a second model."""
    setup = make_setup()
    setup.history.simulate()
    first = setup.request()
    setup.retrainer.handle_open_requests()
    assert setup.retrainer.handle_open_requests() == []
    again = setup.retrainer.handle(first)  # like a process that read the topic before the answer
    assert again.why == "version 2 runs in shadow mode as bundle fraud/2"
    assert (len(runs(setup)), len(all_roles(setup.settings.kafka, setup.settings.topic))) == (1, 2)
    setup.request("hand")
    (line,) = setup.retrainer.handle_open_requests()
    assert line.endswith("challenger, version 3 runs in shadow mode as bundle fraud/3")
    roles = current_roles(setup.settings.kafka, setup.settings.topic)
    assert roles is not None
    assert [each.bundle.path for each in roles.challengers] == ["fraud/3", "fraud/2"]


#: The call at which the process dies, and whether it dies before or after the call.
DEATHS: dict[str, tuple[str, bool]] = {
    "after training": ("train", True),
    "before registering": ("register", False),
    "after registering": ("register", True),
    "before the answer": ("answer_request", False),
    "after the answer": ("answer_request", True),
}
#: Deaths that are tested only by `make test-slow`.
OTHER_DEATHS = ("before registering", "after registering", "after the answer")


def deadly(call: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """Wrap a call so that the process dies before or after it, with an error that no `except Exception` catches."""

    def die(*arguments: Any, **named: Any) -> None:
        if after:
            call(*arguments, **named)
        raise KeyboardInterrupt

    return die


@pytest.mark.parametrize(
    "when",
    ["after training", "before the answer", *(pytest.param(each, marks=pytest.mark.slow) for each in OTHER_DEATHS)],
)
def test_the_next_process_continues_after_a_death(
    make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """After a death and a restart, there is one run, one new version, one change of roles and one answer."""
    setup = make_setup()
    setup.history.simulate()
    setup.request()
    name, after = DEATHS[when]
    with monkeypatch.context() as patch:
        patch.setattr(retraining, name, deadly(getattr(retraining, name), after=after))
        with pytest.raises(KeyboardInterrupt):
            setup.retrainer.handle_open_requests()
    setup.retrainer.handle_open_requests()
    assert setup.retrainer.handle_open_requests() == []
    (answer,) = answers(setup)
    assert answer is not None
    assert answer.outcome == "challenger"
    (run,) = runs(setup)
    assert run.info.status == FINISHED
    assert len(setup.promoter.registry.all()) == 2
    assert len(all_roles(setup.settings.kafka, setup.settings.topic)) == 2
    assert len(setup.promoter.history.entries()) == 2


@pytest.mark.parametrize("after", [False, True])
def test_a_death_at_the_change_of_roles_changes_them_once(
    make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    """After a death at the change of roles, a challenger that a person removed before the answer stays removed."""
    setup = make_setup()
    setup.history.simulate()
    setup.request()
    retrainer = setup.retrainer
    with monkeypatch.context() as patch:
        challenge = type(setup.promoter).challenge
        patch.setattr(type(setup.promoter), "challenge", deadly(challenge, after=after))
        with pytest.raises(KeyboardInterrupt):
            retrainer.handle_open_requests()
    if after:
        settings = setup.settings
        publish_roles(settings.kafka, settings.topic, champion=setup.champion, author="ann", note="not this one")
    setup.retrainer.handle_open_requests()
    roles = current_roles(setup.settings.kafka, setup.settings.topic)
    assert roles is not None
    assert len(roles.challengers) == (0 if after else 1)
    assert answers(setup)[0] is not None


def test_a_request_that_kills_its_process_is_declined(make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that kills its process is declined after three attempts."""
    setup = make_setup()
    setup.history.simulate()
    setup.request()
    with monkeypatch.context() as patch:
        patch.setattr(retraining, "train", deadly(train, after=False))
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                setup.retrainer.handle_open_requests()
    assert declined(setup) == (
        "3 attempts failed, the last with: the process ended; fix the cause and request retraining again"
    )


def test_an_outage_does_not_count_as_an_attempt(make_setup: MakeSetup, tmp_path: Path) -> None:
    """An outage, such as a missing mount, does not count as an attempt, however long it lasts."""
    setup = make_setup()
    setup.history.simulate()
    setup.request()
    working = setup.settings
    setup.settings = working.replace(archive_url=f"file://{tmp_path}/elsewhere")
    for _ in range(4):
        (line,) = setup.retrainer.handle_open_requests()
        assert "elsewhere" in line
        assert line.endswith("; the next check tries again")
    assert answers(setup) == [None]
    setup.settings = working
    (line,) = setup.retrainer.handle_open_requests()
    assert "challenger" in line


def test_a_request_that_cannot_be_met_is_declined_with_a_reason(
    make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request is declined for a replaced champion, too few frauds or a leak, and succeeds once the cause is fixed."""
    setup = make_setup(retrain_min_frauds=300)
    setup.history.simulate()
    setup.request(champion="f" * 64)
    assert declined(setup) == (
        "bundle ffffffffffff is no longer the champion; send a new request for the current champion, fraud/1"
    )
    setup.request("hand")
    assert declined(setup) == (
        "217 frauds have matured in the last 400 days (in the ledger), fewer than the 300 that retraining "
        "needs (FRAUD_RETRAIN_MIN_FRAUDS)"
    )
    setup.settings = setup.settings.replace(retrain_min_frauds=217)
    with monkeypatch.context() as patch:
        patch.setattr("training.data.leaks.MAX_FRAUD_SHARE", 0.05)
        setup.request("hand")
        assert declined(setup).startswith("resampled-before-split: 17% of all rows are frauds")
    setup.request("hand")
    (line,) = setup.retrainer.handle_open_requests()
    assert "challenger" in line


def test_frauds_that_are_not_archived_do_not_count(make_setup: MakeSetup) -> None:
    """Frauds that are not archived do not count, and the reason says how many transactions are missing."""
    setup = make_setup()
    setup.history.simulate(archived=False)
    setup.request()
    assert declined(setup).startswith(
        f"0 frauds have matured in the last 400 days ({ROWS} of {ROWS} labelled transactions are not archived, the "
        "champion would reject 0, and 0 are censored), fewer than the 200 that retraining needs"
    )


def test_a_champion_without_a_recipe_is_declined(make_setup: MakeSetup) -> None:
    """A request is declined if the champion has no recipe by which to fit a similar model."""
    setup = make_setup(None)
    setup.history.simulate()
    setup.request()
    assert declined(setup).endswith("has no recorded recipe; train and promote a model that has one: fraud-train study")
