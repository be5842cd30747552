"""Collects and saves the comparison of a study's entries with each other and with the champion."""

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import DataError, StudyError
from schemas.manifest import Metric
from training.pages.render import write_page
from training.registry.versions import CHAMPION, Registry
from training.study.comparison_page import StudyComparison, comparison_page
from training.study.entry_record import EntryRecord
from training.study.identity import same_folds
from training.study.paired import paired_difference, signed
from training.study.runs import Study, StudyRuns
from training.study.selection import choose

#: Artifact name of the page in the parent run.
PAGE = "compare.html"


def compare_study(study: Study, runs: StudyRuns, registry: Registry) -> StudyComparison:
    """Collect the content of a study's comparison page.

    Args:
        study: Study with at least one finished entry.
        runs: Access to the studies in MLflow.
        registry: Access to the registered model, to find the champion.

    Raises:
        StudyError: If no entry is finished.
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    records = [record for _, record in runs.finished(study).values()]
    if not records:
        raise StudyError(f"study {study.name} has no finished entry yet; run: fraud-train study")
    champion, difference = _compare_with_champion(choose(records), study, runs, registry)
    return StudyComparison(
        study=study.name,
        facts={"run": study.run_id, "status": study.status.lower(), **study.facts},
        records=records,
        left_out=study.left_out,
        accepted=study.accepted,
        champion=champion,
        on_folds=difference,
        evaluation=runs.last_evaluation(study),
    )


def summary_lines(comparison: StudyComparison) -> Sequence[str]:
    """Return the lines that the terminal shows below the leaderboard."""
    chosen = choose(comparison.records).key
    lines = [f"chosen: {chosen}; champion: {comparison.champion}"]
    if comparison.on_folds is not None:
        lines.append(f"paired difference in PR-AUC on the folds, chosen minus champion: {signed(comparison.on_folds)}")
    evaluation = comparison.evaluation
    if evaluation is None:
        lines.append("the test set has not been evaluated yet; run once, after the study: fraud-train evaluate --final")
    elif difference := evaluation.differences.get("pr_auc"):
        lines.append(
            f"paired difference in PR-AUC on the test set (evaluation {evaluation.number}), chosen minus champion: "
            f"{signed(difference)}"
        )
    return lines


def save_page(comparison: StudyComparison, study: Study, runs: StudyRuns, path: Path) -> None:
    """Write the comparison page to a file, and log it to the study's run.

    Raises:
        StudyError: If the file cannot be written.
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    text = comparison_page(comparison)
    try:
        write_page(text, path)
    except DataError as error:
        raise StudyError(str(error)) from error
    runs.run(study.run_id).log_text(PAGE, text)


def _compare_with_champion(
    chosen: EntryRecord, study: Study, runs: StudyRuns, registry: Registry
) -> tuple[str, Metric | None]:
    """Return a description of the champion, and the chosen entry's paired difference from it if the folds match."""
    number = registry.aliases().get(CHAMPION)
    if number is None:
        return "none yet", None
    origin = runs.origin(registry.find(number).run_id)
    if origin is None:
        return f"version {number}, which does not come from a study and has no metrics on folds", None
    champion_study, record = origin
    description = f"version {number}, {record.key} of study {champion_study.name}"
    if not same_folds(study, champion_study):
        return f"{description}, which used different data or folds", None
    return description, paired_difference(chosen, record)
