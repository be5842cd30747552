"""The comparison's page, the plots and the terminal's tables."""

import re
from html.parser import HTMLParser

from msgspec.structs import replace
from rich.console import Console

from schemas.manifest import Metric
from tests.training.study.records import make_record
from training.study.fitting import stack_params
from training.study.leaderboard import look_table, table
from training.study.page import Comparison, page
from training.study.test_evaluation import Examined, Look, decode_look, encode_look

NASTY = '<script>alert("x")</script>&'
RECORDS = [
    make_record(0.80, 0.91, 0.70, family="stack", cost_us=31),
    make_record(0.71, 0.79, 0.60, cost_us=9),
    make_record(0.70, 0.79, 0.60, family="lightgbm", cost_us=1),
    make_record(0.50, 0.55, 0.40, family="net", treatment="smote", cost_us=0),
]
FIGURES = {"pr_auc": Metric(0.8, 0.75, 0.85), "f1": Metric(0.7, 0.6, 0.8)}
LOOK = Look(
    2,
    1_700_000_000_000,
    Examined("xgboost/none", "xgboost", FIGURES),
    Examined("champion, version 3", "lightgbm", {"pr_auc": Metric(0.79, 0.74, 0.84)}),
    {"pr_auc": Metric(0.01, -0.02, 0.04)},
)


def make_page(look: Look | None = LOOK) -> str:
    """A page with something hostile wherever text comes from outside."""
    return page(
        Comparison(
            study=NASTY,
            facts={NASTY: NASTY},
            records=[*RECORDS, make_record(0.1, 0.2, 0.1, family=NASTY)],
            left_out={NASTY: NASTY},
            champion=NASTY,
            on_folds=Metric(0.01, -0.01, 0.03),
            look=look,
            accepted={NASTY: NASTY},
        )
    )


class Reader(HTMLParser):
    """Collects tags, checks that each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it; it closes itself."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        """It closes what was opened last."""
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing() -> None:
    """Every tag is closed; no script, no link, no image, no URL."""
    reader = Reader()
    reader.feed(make_page())
    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(reader.tags)
    assert not {"href", "src", "srcset", "action", "onload"} & {name for name, _ in reader.attributes}
    assert "http" not in make_page()
    assert "url(" not in make_page()
    assert reader.tags.count("svg") == 2


def test_text_from_outside_is_escaped() -> None:
    """Names, reasons and facts."""
    text = make_page()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 8


def test_the_page_says_what_each_entry_was_fitted_with() -> None:
    """Parameters; of a stack, its members."""
    assert "depth 3" in make_page()
    stack = replace(RECORDS[0], params=stack_params(RECORDS[1:]), cost_us=30.0)
    comparison = Comparison("s", {}, [stack], {}, "none yet", None, None, {})
    assert "over xgboost/none, lightgbm/none, net/smote" in page(comparison)


def test_the_page_follows_light_and_dark() -> None:
    """Colours are variables with two sets of values, and the plots use no others."""
    text = make_page()
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text
    body = text.partition("</style>")[2]
    assert not re.search(r"#[0-9a-f]{3,6}\b|fill=|stroke=", body)


def test_the_page_says_what_is_known_of_the_test_part() -> None:
    """The look's number, both models, the paired difference; or that nobody has looked."""
    assert "Look 2, 2023-11-14 22:13 UTC: xgboost/none beside champion, version 3." in make_page()
    assert "+0.0100 (-0.0200 to +0.0400)" in make_page()
    assert "Nobody has looked yet" in make_page(look=None)


def test_the_leaderboard_is_in_order_with_the_chosen_one_marked() -> None:
    """The best that the stream can afford is chosen; what costs too much and what is as good is marked."""
    console = Console(record=True, width=160, file=None, quiet=False, no_color=True)
    with console.capture() as captured:
        console.print(table("study", RECORDS))
    lines = captured.get().splitlines()
    rows = [line for line in lines if re.search(r"0\.\d{4}", line)]
    assert "stack" in rows[0]
    assert [row[1:3].strip() for row in rows] == ["✗", "★", "=", ""]
    assert "inside the training part" in " ".join(captured.get().split())


def test_a_look_is_shown_with_intervals_and_comes_back_as_it_was() -> None:
    """What the champion lacks is a dash."""
    console = Console(width=160)
    with console.capture() as captured:
        console.print(look_table(LOOK))
    assert "0.8000 (0.7500 to 0.8500)" in captured.get()
    assert decode_look(encode_look(LOOK)) == LOOK
