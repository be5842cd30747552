"""Model cards of registered versions, in Markdown and HTML, stored with the run or rendered on demand."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.manifest import Manifest
from training.pages.render import render_page
from training.registry.card_figures import FIGURES_ARTIFACT, CardFigures, decode_figures
from training.registry.card_sections import Section, sections
from training.registry.runs import MlflowRuns
from training.registry.versions import REGISTERED_MODEL

FOLDER = "card"


@dataclass(frozen=True)
class ModelCard:
    """A model card, which can be rendered as Markdown or HTML."""

    title: str
    lead: str
    sections: tuple[Section, ...]

    def markdown(self) -> str:
        """Return the card as Markdown, with every value escaped."""
        return self._render("model_card.md.j2")

    def html(self) -> str:
        """Return the card as a self-contained HTML page, with every value escaped."""
        return self._render("model_card.html.j2")

    def _render(self, template: str) -> str:
        # A card needs neither navigation nor a footer.
        return render_page(
            template, title=self.title, lead=self.lead, card_sections=self.sections, sections=(), footer=""
        )


def make_card(number: str, tags: Mapping[str, str], manifest: Manifest, figures: CardFigures | None) -> ModelCard:
    """Return the model card of a version.

    Args:
        number: Version number in MLflow.
        tags: Lineage of the version.
        manifest: Manifest of the version's bundle.
        figures: Metrics from the version's evaluation; None if it was not evaluated.
    """
    title = f"Model card: {REGISTERED_MODEL}, version {number}"
    lead = f"A {manifest.algorithm} model; bundle {manifest.name}/{manifest.version}."
    return ModelCard(title, lead, tuple(sections(tags, manifest, figures)))


def read_figures(run_id: str, runs: MlflowRuns) -> CardFigures | None:
    """Return the card figures that the evaluation stored with a run; None if the run has none.

    Raises:
        RegistryError: If the figures cannot be read, or MLflow is unavailable or rejects the request.
    """
    if not runs.holds(run_id, FIGURES_ARTIFACT):
        return None
    with tempfile.TemporaryDirectory() as scratch:
        return decode_figures(runs.fetch(run_id, FIGURES_ARTIFACT, Path(scratch)).read_bytes())


def write_card(number: str, tags: Mapping[str, str], manifest: Manifest, runs: MlflowRuns) -> None:
    """Store a version's model card as artifacts of the version's run, `card/model_card.md` and `card/model_card.html`.

    Args:
        number: Version number in MLflow.
        tags: Lineage of the version.
        manifest: Manifest of the version's bundle.
        runs: Runs in the same MLflow.

    Raises:
        RegistryError: If the figures of the run cannot be read, or MLflow is unavailable or rejects the request.
    """
    card = make_card(number, tags, manifest, read_figures(manifest.mlflow_run_id, runs))
    with tempfile.TemporaryDirectory() as scratch:
        for suffix, text in (("md", card.markdown()), ("html", card.html())):
            file = Path(scratch) / f"model_card.{suffix}"
            file.write_text(text, encoding="utf-8")
            runs.add(manifest.mlflow_run_id, file, FOLDER)
