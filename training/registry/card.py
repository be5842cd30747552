"""The model card of a version, in Markdown and HTML: kept beside its run's model, or made on demand."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from schemas.manifest import Manifest
from training.registry.card_figures import FIGURES_ARTIFACT, CardFigures, decode_figures
from training.registry.card_sections import Section, sections
from training.registry.runs import Runs
from training.registry.versions import REGISTERED_MODEL

FOLDER = "card"
#: ASCII punctuation that can mean something to Markdown in the middle of a line or a table.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#&~])")


def _escape_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    # HTML by the template engine itself; Markdown, whose readers may render HTML too, by the filter at every value.
    autoescape=jinja2.select_autoescape(["html.j2"]),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
)
_templates.filters["md"] = _escape_markdown


@dataclass(frozen=True)
class Card:
    """One card."""

    title: str
    lead: str
    sections: tuple[Section, ...]

    def markdown(self) -> str:
        """Return it as Markdown; every value is escaped."""
        return self._render("card.md.j2")

    def html(self) -> str:
        """Return it as one HTML page that fetches nothing; every value is escaped."""
        return self._render("card.html.j2")

    def _render(self, template: str) -> str:
        return _templates.get_template(template).render(title=self.title, lead=self.lead, sections=self.sections)


def make_card(number: str, tags: Mapping[str, str], manifest: Manifest, figures: CardFigures | None) -> Card:
    """Make a version's card.

    Args:
        number: MLflow's number of the version.
        tags: The version's lineage.
        manifest: Of its bundle.
        figures: What the evaluation adds; None where there is nothing.
    """
    title = f"Model card: {REGISTERED_MODEL}, version {number}"
    lead = f"A {manifest.algorithm} model; bundle {manifest.name}/{manifest.version}."
    return Card(title, lead, tuple(sections(tags, manifest, figures)))


def read_figures(run_id: str, runs: Runs) -> CardFigures | None:
    """Return what the evaluation left in a run; None where it left nothing.

    Raises:
        RegistryError: If it cannot be read, or MLflow is away or refuses.
    """
    if not runs.holds(run_id, FIGURES_ARTIFACT):
        return None
    with tempfile.TemporaryDirectory() as scratch:
        return decode_figures(runs.fetch(run_id, FIGURES_ARTIFACT, Path(scratch)).read_bytes())


def write_card(number: str, tags: Mapping[str, str], manifest: Manifest, runs: Runs) -> None:
    """Put a version's card among its run's artifacts: `card/model_card.md` and `card/model_card.html`.

    Raises:
        RegistryError: If the run's figures cannot be read, or MLflow is away or refuses.
    """
    card = make_card(number, tags, manifest, read_figures(manifest.mlflow_run_id, runs))
    with tempfile.TemporaryDirectory() as scratch:
        for suffix, text in (("md", card.markdown()), ("html", card.html())):
            file = Path(scratch) / f"model_card.{suffix}"
            file.write_text(text, encoding="utf-8")
            runs.add(manifest.mlflow_run_id, file, FOLDER)
