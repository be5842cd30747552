"""The comparison page with its plots, and the terminal's tables."""

import re
from html.parser import HTMLParser

from msgspec.structs import replace
from rich.console import Console

from schemas.manifest import Metric
from tests.training.study.records import make_record
from training.study.comparison_page import StudyComparison, comparison_page
from training.study.evaluation_record import FinalEvaluation, ModelFigures, decode_evaluation, encode_evaluation
from training.study.fitting import stack_params
from training.study.leaderboard import evaluation_table, leaderboard_table
from training.study.left_out import LeftOut

HOSTILE = '<script>alert("x")</script>&'
RECORDS = [
    make_record(0.80, 0.91, 0.70, family="stack", cost_us=31),
    make_record(0.71, 0.79, 0.60, cost_us=9),
    make_record(0.70, 0.79, 0.60, family="lightgbm", cost_us=1),
    make_record(0.50, 0.55, 0.40, family="net", treatment="smote", cost_us=0),
]
FIGURES = {"pr_auc": Metric(0.8, 0.75, 0.85), "f1": Metric(0.7, 0.6, 0.8)}
EVALUATION = FinalEvaluation(
    2,
    1_700_000_000_000,
    ModelFigures("xgboost/none", "xgboost", FIGURES),
    ModelFigures("champion, version 3", "lightgbm", {"pr_auc": Metric(0.79, 0.74, 0.84)}),
    {"pr_auc": Metric(0.01, -0.02, 0.04)},
)


def make_page(evaluation: FinalEvaluation | None = EVALUATION) -> str:
    """Return a page with hostile text wherever text comes from outside."""
    return comparison_page(
        StudyComparison(
            study=HOSTILE,
            facts={HOSTILE: HOSTILE},
            records=[*RECORDS, make_record(0.1, 0.2, 0.1, family=HOSTILE)],
            left_out={HOSTILE: LeftOut(HOSTILE)},
            champion=HOSTILE,
            on_folds=Metric(0.01, -0.01, 0.03),
            evaluation=evaluation,
            accepted={HOSTILE: HOSTILE},
        )
    )


class Reader(HTMLParser):
    """Parser that collects tags and attributes, and checks that each tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element that stays open until its end tag."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a self-closing element."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """Check that elements are closed in reverse order."""
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing() -> None:
    """Every tag is closed, and there is no script, link, image or URL."""
    reader = Reader()
    reader.feed(make_page())
    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(reader.tags)
    assert not {"href", "src", "srcset", "action", "onload"} & {name for name, _ in reader.attributes}
    assert "http" not in make_page()
    assert "url(" not in make_page()
    assert reader.tags.count("svg") == 2


def test_text_from_outside_is_escaped() -> None:
    """Names, reasons and facts are escaped."""
    text = make_page()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_the_page_shows_the_hyperparameters_of_each_entry() -> None:
    """The page shows the hyperparameters of each entry, and the members of a stack."""
    assert "depth 3" in make_page()
    stack = replace(RECORDS[0], params=stack_params(RECORDS[1:]), cost_us=30.0)
    comparison = StudyComparison("s", {}, [stack], {}, "none yet", None, None, {})
    assert "members xgboost/none, lightgbm/none, net/smote" in comparison_page(comparison)


def test_the_page_follows_light_and_dark_mode() -> None:
    """Colours are variables with two sets of values, and the plots use no other colours."""
    text = make_page()
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text
    body = text.partition("</style>")[2]
    assert not re.search(r"#[0-9a-f]{3,6}\b|fill=|stroke=", body)


def test_the_page_shows_the_final_evaluation() -> None:
    """The page shows the number, models and paired difference of an evaluation, or that there is no evaluation yet."""
    assert "Evaluation 2, 2023-11-14 22:13 UTC: xgboost/none compared with champion, version 3." in make_page()
    assert "+0.0100 (-0.0200 to +0.0400)" in make_page()
    assert "The test set has not been evaluated yet" in make_page(evaluation=None)


def test_the_leaderboard_is_sorted_and_marks_the_chosen_entry() -> None:
    """Entries that are too expensive, or that tie with the chosen entry, are marked as well."""
    console = Console(record=True, width=160, file=None, quiet=False, no_color=True)
    with console.capture() as captured:
        console.print(leaderboard_table("study", RECORDS))
    lines = captured.get().splitlines()
    rows = [line for line in lines if re.search(r"0\.\d{4}", line)]
    assert "stack" in rows[0]
    assert [row[1:3].strip() for row in rows] == ["✗", "★", "=", ""]
    assert "inside the training split" in " ".join(captured.get().split())


def test_an_evaluation_is_shown_with_intervals_and_survives_encoding() -> None:
    """The table shows each metric with its interval, and encoding preserves the evaluation."""
    console = Console(width=160)
    with console.capture() as captured:
        console.print(evaluation_table(EVALUATION))
    assert "0.8000 (0.7500 to 0.8500)" in captured.get()
    assert decode_evaluation(encode_evaluation(EVALUATION)) == EVALUATION
