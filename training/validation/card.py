"""Check that a model has a model card with all its sections."""

import re
import tempfile
from pathlib import Path

from schemas.errors import RegistryError
from schemas.manifest import Manifest
from training.registry.card import FOLDER, make_card, read_figures
from training.registry.lineage import version_tags
from training.registry.runs import MlflowRuns
from training.validation.check import CheckResult, judged, not_checked
from training.validation.thresholds import CardLimits

_CARD = f"{FOLDER}/model_card.md"


def check_stored_card(manifest: Manifest, runs: MlflowRuns, limits: CardLimits) -> CheckResult:
    """Check the card that registration stored in the model's run."""
    try:
        runs.get(manifest.mlflow_run_id)
        if not runs.holds(manifest.mlflow_run_id, _CARD):
            missing = f"run {manifest.mlflow_run_id} has no model card; register the run: fraud-train register"
            return judged("card", [missing], "")
        with tempfile.TemporaryDirectory() as scratch:
            text = runs.fetch(manifest.mlflow_run_id, _CARD, Path(scratch)).read_text(encoding="utf-8")
    except RegistryError as error:
        return not_checked("card", str(error))
    return check_card_text(text, limits)


def check_future_card(manifest: Manifest, run_id: str, runs: MlflowRuns, limits: CardLimits) -> CheckResult:
    """Check the card that registration will make of a run."""
    try:
        figures = read_figures(run_id, runs)
        tags = version_tags(run_id, runs.get(run_id).tags, manifest)
    except RegistryError as error:
        return judged("card", [str(error)], "")
    return check_card_text(make_card("to be registered", tags, manifest, figures).markdown(), limits)


def check_card_text(markdown: str, limits: CardLimits) -> CheckResult:
    r"""Check that a card in Markdown has every section.

    >>> check_card_text("# Model card: fraud, version 1\n\n## Metrics\n", CardLimits(("Metrics", "Limits"))).text
    'the model card has no section Limits; register the model again'
    """
    present = re.findall(r"^## (.+)$", markdown, re.MULTILINE)
    missing = [section for section in limits.sections if section not in present]
    problems = [f"the model card has no section {', '.join(missing)}; register the model again"] if missing else []
    return judged("card", problems, f"present, with {len(present)} sections", {"sections": len(present)})
