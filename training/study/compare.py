"""The comparison of a study's entries with each other and with the champion, gathered and saved."""

from collections.abc import Sequence
from pathlib import Path

from schemas.errors import StudyError
from schemas.manifest import Metric
from training.registry.versions import CHAMPION, Registry
from training.study.selection import choose
from training.study.identity import same_folds
from training.study.page import Comparison, page
from training.study.paired import paired_difference, signed
from training.study.entry_record import EntryRecord
from training.study.runs import Study, StudyRuns

#: Artifact of the parent run.
PAGE = "compare.html"


def study_comparison(study: Study, runs: StudyRuns, registry: Registry) -> Comparison:
    """Gather what is known of a study.

    Raises:
        StudyError: If not one entry is finished.
        RegistryError: If MLflow is away or refuses.
    """
    records = [record for _, record in runs.finished(study).values()]
    if not records:
        raise StudyError(f"study {study.name} has no finished entry yet; run: fraud-train study")
    champion, difference = _beside(choose(records), study, runs, registry)
    return Comparison(
        study=study.name,
        facts={"run": study.run_id, "status": study.status.lower(), **study.facts},
        records=records,
        left_out=study.left_out,
        accepted=study.accepted,
        champion=champion,
        on_folds=difference,
        look=runs.last_look(study),
    )


def summary(comparison: Comparison) -> Sequence[str]:
    """Return what the terminal says below the table."""
    chosen = choose(comparison.records).key
    lines = [f"chosen: {chosen}; champion: {comparison.champion}"]
    if comparison.on_folds is not None:
        lines.append(f"PR-AUC on the folds, chosen less champion, paired: {signed(comparison.on_folds)}")
    if comparison.look is None:
        lines.append("nobody has looked at the test part yet; once, at the end: fraud-train evaluate --final")
    elif difference := comparison.look.differences.get("pr_auc"):
        lines.append(
            f"PR-AUC on the test part (look {comparison.look.number}), chosen less champion: {signed(difference)}"
        )
    return lines


def save(comparison: Comparison, study: Study, runs: StudyRuns, path: Path) -> None:
    """Write the page to a file and to the study's run.

    Raises:
        StudyError: If the file can't be written.
        RegistryError: If MLflow is away or refuses.
    """
    text = page(comparison)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{path} cannot be written ({error.strerror}); name another place with --out") from error
    runs.run(study.run_id).log_text(PAGE, text)


def _beside(chosen: EntryRecord, study: Study, runs: StudyRuns, registry: Registry) -> tuple[str, Metric | None]:
    """Return the champion in words, and how much better the chosen entry is on the folds, where that can be told."""
    number = registry.aliases().get(CHAMPION)
    if number is None:
        return "none yet", None
    found = runs.origin(registry.find(number).run_id)
    if found is None:
        return f"version {number}, of no study, so it has no figures on folds", None
    origin, record = found
    where = f"version {number}, {record.key} of study {origin.name}"
    if not same_folds(study, origin):
        return f"{where}, which had other data or folds", None
    return where, paired_difference(chosen, record)
