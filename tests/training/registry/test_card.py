"""Model cards: complete in both forms, and with every value escaped."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from markdown_it import MarkdownIt

from schemas.errors import RegistryError
from schemas.manifest import Feature, Manifest, Metric, Parity, TrainingWindow
from schemas.messages import Policy
from stream.models.bundle import read_bundle
from tests.training.registry.conftest import AddVersion, MakeRun
from training.evaluation.calibration import CalibrationBin
from training.evaluation.slices import Slice
from training.registry.access import RegistryAccess
from training.registry.card import ModelCard, make_card, read_figures
from training.registry.card_figures import CardFigures, OperatingPoint
from training.registry.experiment import ActiveRun
from training.registry.register import register

METRIC = Metric(0.8123, 0.7341, 0.8761)
FIGURES = CardFigures(
    part="test",
    slices=(
        Slice("amount", "0 to 1,000 minor units", 500, 7, {"recall": METRIC, "expected_cost": METRIC}),
        Slice("hour", "00:00 to 04:00 UTC", 40, 0, {}),
    ),
    calibration=(CalibrationBin(300, 3, 0.01234, Metric(0.01, 0.0, 0.02)),),
    operating_points=(
        OperatingPoint("deployed", Policy("cost", 0.0, 0.875, "expected_loss", 487), {"f1": METRIC}),
        OperatingPoint("comparison", Policy("f1", 0.25, 0.75), {"f1": METRIC}),
    ),
    limits=("Trained on two days.",),
)
#: A name that contains HTML and Markdown, which must be shown to the reader as plain text.
HOSTILE = "<script>alert(1)</script>|*_[x](javascript:alert(1))`&amp;\n# Head"


def manifest(name: str = "V1") -> Manifest:
    """Return a manifest in which `name` replaces every free-text string."""
    return Manifest(
        name="fraud",
        version="3",
        algorithm=name,
        mlflow_run_id="r",
        created_at_ms=0,
        features=(Feature(name, -0.25), Feature("Amount", 1999.0, "amount_minor")),
        missing="median",
        policy=Policy("cost", 0.125, 0.875),
        training_window=TrainingWindow(1_378_080_000_000, 1_378_166_400_000, 170_883, 360, "ab" * 32),
        metrics={"pr_auc": METRIC},
        reference={},
        score_reference=None,
        parity=Parity((), ()),
        files={},
    )


class Page(HTMLParser):
    """The tags and the text of a page, as a browser parses them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag, after checking that it does not load anything."""
        self.tags.add(tag)
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Record text."""
        self.text += data


def rendered(card: ModelCard) -> tuple[Page, Page]:
    """Return a card's HTML and Markdown forms as a browser shows them; the Markdown renderer passes HTML through."""
    return Page(card.html()), Page(MarkdownIt("commonmark").enable("table").render(card.markdown()))


def test_both_forms_are_complete() -> None:
    """The Markdown and the HTML card have all sections, from intended use to metrics with intervals and limits."""
    card = make_card("4", {"git_commit": "c0ffee"}, manifest(), FIGURES)
    for page in rendered(card):
        for text in (
            "fraud, version 4",
            "Intended use",
            "c0ffee",
            "ab" * 32,
            "2013-09-02 00:00:00 UTC",
            "170,883",
            "360",
            "0.2107%",
            "V1",
            "amount_minor",
            "1999",
            "pr_auc",
            "0.8123",
            "0.7341",
            "0.8761",
            "0 to 1,000 minor units",
            "00:00 to 04:00 UTC",
            "0.812 (0.734 to 0.876)",
            "0.01234",
            "0.125000",
            "comparison",
            "0.250000",
            "score times amount of at least 487 minor units",
            "Trained on two days.",
        ):
            assert text in page.text, text
        assert {"h1", "h2", "table", "td"} <= page.tags


def test_a_card_says_what_was_not_measured() -> None:
    """The card of a bundle without an evaluation says what was not measured."""
    card = make_card("4", {}, msgspec.structs.replace(manifest(), metrics={}), None)
    for page in rendered(card):
        assert page.text.count("Not measured for this version.") == 3
    assert not re.search(r"\n{3}", card.markdown())


def test_every_value_is_escaped() -> None:
    """Names, tags and limits appear as plain text in both forms of a card."""
    hostile = msgspec.structs.replace(
        FIGURES, slices=(Slice(HOSTILE, HOSTILE, 1, 0, {"recall": METRIC}),), limits=(HOSTILE,), part=HOSTILE
    )
    plain = rendered(make_card("4", {"a": "b"}, manifest(), FIGURES))
    for page, harmless in zip(
        rendered(make_card("4", {HOSTILE: HOSTILE}, manifest(HOSTILE), hostile)), plain, strict=True
    ):
        assert page.tags == harmless.tags
        assert "<script>alert(1)</script>|*_[x](javascript:alert(1))`&amp;" in page.text


def test_the_card_is_stored_in_the_versions_run(access: RegistryAccess, make_run: MakeRun, tmp_path: Path) -> None:
    """The card in the version's run shows the metrics of the evaluation, which are also stored in the run."""

    def evaluate(run: ActiveRun) -> None:
        run.log_text("evaluation.json", msgspec.json.encode(FIGURES).decode())

    version = register(make_run(evaluate), access.registry, access.runs, access.store)
    made = make_card("1", version.tags, read_bundle(access.store, version.bundle).manifest, FIGURES)
    kept = access.runs.fetch(version.run_id, "card", tmp_path)
    assert (kept / "model_card.html").read_text().startswith("<!doctype html>")
    card = (kept / "model_card.md").read_text()
    # The tags that name the bundle are set after the card is written.
    assert card.splitlines()[:3] == made.markdown().splitlines()[:3]
    assert "0 to 1,000 minor units" in card
    assert read_figures(version.run_id, access.runs) == FIGURES


def test_unreadable_figures_stop_the_registration(access: RegistryAccess, make_run: MakeRun) -> None:
    """If the run's evaluation.json is invalid, registration fails with a one-line error and creates no version."""
    run_id = make_run(lambda run: run.log_text("evaluation.json", '{"part": 1}'))
    with pytest.raises(RegistryError, match=r"^evaluation.json of the run is invalid \(.*\); evaluate the model again"):
        register(run_id, access.registry, access.runs, access.store)
    assert not access.registry.all()


def test_a_run_without_figures_has_none(access: RegistryAccess, add_version: AddVersion) -> None:
    """Reading the metrics of a run that was not evaluated returns None instead of raising."""
    add_version()
    assert read_figures(access.registry.find("1").run_id, access.runs) is None
