"""Model cards: everything they must say, in two forms, with nothing in them that a reader's browser would run."""

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
from tests.training.registry.conftest import Add, MakeRun
from training.evaluation.calibration import CalibrationBin
from training.evaluation.slices import Slice
from training.registry.card import Card, make_card, read_figures
from training.registry.card_figures import CardFigures, OperatingPoint
from training.registry.promote import Promoter
from training.registry.register import register
from training.registry.tracking import TrackedRun

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
#: What a name could bring along. None of it may reach a reader as anything but text.
EVIL = "<script>alert(1)</script>|*_[x](javascript:alert(1))`&amp;\n# Head"


def manifest(name: str = "V1") -> Manifest:
    """Return a manifest whose strings are all `name` where they are free."""
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
    """Tags and text of a page as a browser finds them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag; none may fetch anything."""
        self.tags.add(tag)
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def rendered(card: Card) -> tuple[Page, Page]:
    """Return a card's two forms as a browser shows them; the Markdown by a renderer that lets HTML through."""
    return Page(card.html()), Page(MarkdownIt("commonmark").enable("table").render(card.markdown()))


def test_both_forms_say_everything() -> None:
    """Use, lineage, data, features, figures with intervals, slices, calibration, operating points, limits."""
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
            "score times amount from 487 minor units",
            "Trained on two days.",
        ):
            assert text in page.text, text
        assert {"h1", "h2", "table", "td"} <= page.tags


def test_what_was_not_measured_is_said_to_be_so() -> None:
    """A bundle without evaluation has a card too."""
    card = make_card("4", {}, msgspec.structs.replace(manifest(), metrics={}), None)
    for page in rendered(card):
        assert page.text.count("Not measured for this version.") == 3
    assert not re.search(r"\n{3}", card.markdown())


def test_nothing_in_a_card_runs() -> None:
    """Names, tags and limits are text, in either form."""
    evil = msgspec.structs.replace(
        FIGURES, slices=(Slice(EVIL, EVIL, 1, 0, {"recall": METRIC}),), limits=(EVIL,), part=EVIL
    )
    plain = rendered(make_card("4", {"a": "b"}, manifest(), FIGURES))
    for page, harmless in zip(rendered(make_card("4", {EVIL: EVIL}, manifest(EVIL), evil)), plain, strict=True):
        assert page.tags == harmless.tags
        assert "<script>alert(1)</script>|*_[x](javascript:alert(1))`&amp;" in page.text


def test_a_version_has_its_card_in_its_run(desk: Promoter, make_run: MakeRun, tmp_path: Path) -> None:
    """With the figures that the evaluation left there."""

    def evaluate(run: TrackedRun) -> None:
        run.log_bytes(msgspec.json.encode(FIGURES), "evaluation.json")

    version = register(make_run(evaluate), desk.registry, desk.runs, desk.store)
    made = make_card("1", version.tags, read_bundle(desk.store, version.bundle).manifest, FIGURES)
    kept = desk.runs.fetch(version.run_id, "card", tmp_path)
    assert (kept / "model_card.html").read_text().startswith("<!doctype html>")
    card = (kept / "model_card.md").read_text()
    # The tags that name the bundle come later than the card, which says the same in its first line.
    assert card.splitlines()[:3] == made.markdown().splitlines()[:3]
    assert "0 to 1,000 minor units" in card
    assert read_figures(version.run_id, desk.runs) == FIGURES


def test_figures_that_cannot_be_read_stop_the_registration(desk: Promoter, make_run: MakeRun) -> None:
    """One line, and no version."""
    run_id = make_run(lambda run: run.log_bytes(b'{"part": 1}', "evaluation.json"))
    with pytest.raises(RegistryError, match=r"^evaluation.json of the run cannot be read \(.*\); evaluate it again$"):
        register(run_id, desk.registry, desk.runs, desk.store)
    assert not desk.registry.all()


def test_a_run_without_figures_has_none(desk: Promoter, add: Add) -> None:
    """Which is no fault."""
    add()
    assert read_figures(desk.registry.find("1").run_id, desk.runs) is None
