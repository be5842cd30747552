"""The final evaluation: the chosen model and the champion on the test part, once."""

import hashlib
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import StudyError
from schemas.manifest import MANIFEST_NAME, Metric
from schemas.messages import Policy
from stream.models.bundle import LoadedModel, audit, read_bundle
from stream.models.bundle_store import BundleStore
from training.bundling.write_bundle import BUNDLE_ARTIFACT
from training.data.dataset import Dataset
from training.data.leaks import LeakAlarm
from training.data.test_set import CountedTestSet
from training.evaluation.costs import Costs
from training.evaluation.figures import FigureSettings, as_comparison, evaluate
from training.evaluation.operating_points import choose_comparison
from training.evaluation.paired import compare_paired
from training.evaluation.scored_rows import ScoredRows
from training.registry.card_figures import FIGURES_ARTIFACT, CardFigures, encode_figures, measure_card_figures
from training.registry.versions import CHAMPION, Registry
from training.study.identity import require_same_data, split_of
from training.study.runs import Study, StudyRuns
from training.study.settings import splitter
from training.study.test_evaluation import Examined, Look


@dataclass(frozen=True)
class _Candidate:
    """A model, and what it says of the test part."""

    name: str
    model: LoadedModel
    test: ScoredRows
    comparison: Policy

    def measure(self, settings: FigureSettings) -> CardFigures:
        """Measure it on the test part."""
        return measure_card_figures("test", self.test, self.model.manifest.policy, self.comparison, settings)


def look_at_test(
    study: Study,
    data: Dataset,
    *,
    runs: StudyRuns,
    registry: Registry,
    store: BundleStore,
    alarm: LeakAlarm,
    costs: Costs,
    again: bool,
) -> Look:
    """Score the test part with the study's chosen model and the champion, and keep what was found with the study.

    The look is counted before a row is seen: one that fails later has been taken all the same.

    Args:
        study: Ended, with a chosen model.
        data: The same that the study was run on.
        runs: Of the study.
        registry: Where the champion is.
        store: That holds the champion's bundle.
        alarm: Told each PR-AUC.
        costs: For the figures in money.
        again: Look although somebody has looked already.

    Raises:
        StudyError: If the study has no chosen model, the data are others, or there was a look already.
        BundleError: If a bundle does not pass its audit.
        LeakError: If a figure is too good to be true.
        RegistryError: If MLflow is away or refuses.
    """
    require_same_data(study, data)
    key = study.require_chosen()
    if study.looks and not again:
        raise StudyError(
            f"the test part was looked at {study.looks} times for study {study.name}; fraud-train compare shows what "
            "was found, and --again looks once more, which makes it a little less unseen and is recorded"
        )
    parts = splitter(split_of(study))(data)
    run_id = runs.finished(study)[key][0]
    models = {key: _selected(run_id, runs)}
    champion, left_out = _champion(registry, store, parts.test)
    models |= champion
    test_set = CountedTestSet(parts.test, lambda look: runs.count_look(study, look), evaluations=study.looks)
    test = test_set.open("again" if study.looks else "final evaluation")
    candidates = [_score(name, model, parts.validation, test) for name, model in models.items()]
    for candidate in candidates:
        pr_auc = float(evaluate(candidate.test, candidate.comparison, resamples=1)["pr_auc"].value)
        alarm.check_pr_auc(pr_auc, f"the test part, by {candidate.name}")
    settings = FigureSettings(costs=costs)
    cards = [candidate.measure(settings) for candidate in candidates]
    selected, *rival = [
        Examined(candidate.name, candidate.model.manifest.algorithm, card.metrics)
        for candidate, card in zip(candidates, cards, strict=True)
    ]
    look = Look(
        number=test_set.evaluations,
        looked_at_ms=time.time_ns() // 1_000_000,
        selected=selected,
        champion=rival[0] if rival else None,
        differences=_differences(candidates[1], candidates[0], settings) if rival else {},
        left_out=left_out,
    )
    runs.keep_look(study, look)
    # Over the figures of validation: the selected model's card shows these from now on.
    runs.run(run_id).log_text(FIGURES_ARTIFACT, encode_figures(cards[0]).decode())
    return look


def _selected(run_id: str, runs: StudyRuns) -> LoadedModel:
    with tempfile.TemporaryDirectory() as scratch:
        directory = runs.bundle(run_id, BUNDLE_ARTIFACT, Path(scratch))
        return audit(directory, hashlib.sha256((directory / MANIFEST_NAME).read_bytes()).hexdigest())


def _champion(registry: Registry, store: BundleStore, test: Dataset) -> tuple[dict[str, LoadedModel], str]:
    """Return the champion under its name, or nothing, and why not if there is one that can't be compared."""
    number = registry.aliases().get(CHAMPION)
    if number is None:
        return {}, ""
    name, model = f"champion, version {number}", read_bundle(store, registry.find(number).bundle)
    # On rows from the time it learnt from, as a stratified split's test part has them, it would look too good.
    if model.manifest.training_window.end_ms > int(test.event_time_ms[0]):
        return {}, f"the {name}, learnt from the time of this test part and is not compared"
    return {name: model}, ""


def _score(name: str, model: LoadedModel, validation: Dataset, test: Dataset) -> _Candidate:
    comparison = choose_comparison(_scored(model, validation), f"{model.manifest.algorithm}-f1")
    return _Candidate(name, model, _scored(model, test), comparison)


def _scored(model: LoadedModel, rows: Dataset) -> ScoredRows:
    return ScoredRows(model.onnx.score(rows.matrix(model.plan)), rows.label, rows.amount_minor, rows.event_time_ms)


def _differences(champion: _Candidate, selected: _Candidate, settings: FigureSettings) -> dict[str, Metric]:
    """Return selected less champion."""
    deployed = compare_paired(
        champion.test, champion.model.manifest.policy, selected.test, selected.model.manifest.policy, settings=settings
    )
    compared = compare_paired(champion.test, champion.comparison, selected.test, selected.comparison, settings=settings)
    found = {name: pair.difference for name, pair in deployed.items()}
    return found | as_comparison({name: pair.difference for name, pair in compared.items()})
