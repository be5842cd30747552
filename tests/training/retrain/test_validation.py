"""A retrained model is validated before it becomes a challenger; what fails is declined, with the report in its run."""

from dataclasses import replace as with_thresholds
from pathlib import Path

from msgspec.structs import replace

from stream.control.retrain_requests import read_requests
from stream.control.role_reader import all_roles
from tests.training.retrain.conftest import MakeSetup, RetrainSetup
from training.retrain.runs import RetrainRuns
from training.validation.thresholds import DEFAULT, Thresholds


def handle(setup: RetrainSetup, thresholds: Thresholds) -> str:
    """Handle the only open request, and return the line that `watch` prints."""
    (line,) = with_thresholds(setup.retrainer, thresholds=thresholds).handle_open_requests()
    return line


def test_a_model_that_passes_has_its_report(make_setup: MakeSetup, tmp_path: Path) -> None:
    """The run has the report, its test set was used once, and the version says that it passed."""
    setup = make_setup()
    setup.history.simulate()
    request = setup.request()
    assert "challenger, version 2 runs in shadow mode" in handle(setup, DEFAULT)
    run = RetrainRuns(setup.mlflow).find(request.request_id)
    assert run is not None
    assert (run.tags["validation"], run.tags["validation_evaluations"]) == ("passed", "1")
    page = setup.promoter.runs.fetch(run.run_id, "validation/validation.html", tmp_path).read_text()
    assert "fraud-train watch" in page
    assert f"Validation of run {run.run_id}" in page
    assert setup.promoter.registry.find("2").tags["validation"] == "passed"


def test_a_model_that_fails_is_declined_like_any_other(make_setup: MakeSetup) -> None:
    """The answer gives the reason, there is no version and no change of roles, and later checks do nothing."""
    setup = make_setup()
    setup.history.simulate()
    request = setup.request()
    tiny = replace(DEFAULT, size=replace(DEFAULT.size, max_mb=1e-6))
    line = handle(setup, tiny)
    assert ": declined, the retrained model does not pass its validation: size: " in line
    (answered,) = read_requests(setup.settings.kafka, setup.settings.topic)
    assert answered.answer is not None
    assert (answered.answer.outcome, line.endswith(answered.answer.why)) == ("declined", True)
    run = RetrainRuns(setup.mlflow).find(request.request_id)
    assert run is not None
    assert (run.declined, run.tags["validation"].startswith("failed: size: ")) == (answered.answer.why, True)
    assert setup.promoter.runs.holds(run.run_id, "validation/validation.html")
    assert len(setup.promoter.registry.all()) == 1
    assert len(all_roles(setup.settings.kafka, setup.settings.topic)) == 1
    assert setup.retrainer.handle_open_requests() == []


def test_what_watch_requires_must_have_run(make_setup: MakeSetup) -> None:
    """A check that the thresholds require of `watch` declines the model if it could not run."""
    setup = make_setup()
    setup.history.simulate()
    setup.request()
    required = replace(DEFAULT.required, watch=("drift",))
    assert "drift was not checked (the archive has 1,300 transactions for this model, but a window needs 5,000" in (
        handle(setup, replace(DEFAULT, required=required))
    )
