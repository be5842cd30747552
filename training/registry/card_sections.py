"""What a model card says, as titles, paragraphs and tables.

After M. Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from schemas.manifest import Manifest, Metric
from schemas.messages import Policy
from training.registry.card_figures import CardFigures

INTENDED_USE = (
    "Scores card payments as they happen. A score is a calibrated probability of fraud.",
    "A policy turns scores into approve, review or decline; people look at what is reviewed.",
    "Not for judging people, for granting credit, or for payments unlike those it was trained on.",
)
LIMITS = (
    "Frauds are few, so figures are uncertain: read the intervals, not the values.",
    "It was measured on payments shortly after its training window. Fraud changes, and figures fall with time.",
    "A label is what a bank found out: fraud that nobody noticed counts as legitimate.",
)
_PARTS = (
    "Each with its 95 % interval. The end of a name says what it was measured on: _folds on folds inside the training "
    "part; _validation on the part that calibration and thresholds were chosen on, which flatters what depends on "
    "them; _not_repeated on test rows that equal no earlier row; no such end, on the test part."
)
_POINTS = (
    "Names that begin with comparison_ are at the threshold of the largest expected F1 on validation, as papers "
    "compare models, which is never deployed; all others that need a threshold are at the bundle's."
)
#: Shown of each slice, where measured.
SLICE_METRICS = ("pr_auc", "precision", "recall", "value_recall")
NOT_MEASURED = "Not measured for this version."


@dataclass(frozen=True)
class Section:
    """A title with paragraphs and one table; a table without rows is none."""

    title: str
    paragraphs: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=())


def sections(tags: Mapping[str, str], manifest: Manifest, figures: CardFigures | None) -> Iterator[Section]:
    """Yield a card's sections in order.

    Args:
        tags: The version's lineage.
        manifest: Of its bundle.
        figures: What the evaluation adds; None where there is nothing.
    """
    figures = figures or CardFigures("test")
    yield Section("Intended use", INTENDED_USE)
    yield Section("Where it comes from", (), ("what", "value"), tuple(sorted(tags.items())))
    yield _data(manifest)
    yield Section(
        "Features",
        (f"{len(manifest.features)} values in this order; a missing one follows the policy {manifest.missing!r}.",),
        ("name", "kind", "median in training"),
        tuple((each.name, each.kind, f"{each.median:.6g}") for each in manifest.features),
    )
    yield Section(
        "Figures",
        (_PARTS, _POINTS) if manifest.metrics else (NOT_MEASURED,),
        ("metric", "value", "low", "high"),
        tuple((name, *_parts(metric)) for name, metric in sorted(manifest.metrics.items())),
    )
    yield _slices(figures)
    yield _calibration(figures)
    yield _operating_points(manifest, figures)
    yield Section("Limits", (*LIMITS, *figures.limits))


def _data(manifest: Manifest) -> Section:
    window = manifest.training_window
    rows = (
        ("SHA-256 of the file", window.data_sha256),
        ("first event", _day(window.start_ms)),
        ("events before", _day(window.end_ms)),
        ("transactions", f"{window.rows:,}"),
        ("frauds", f"{window.frauds:,}"),
        ("share of frauds", f"{window.frauds / max(window.rows, 1):.4%}"),
    )
    return Section("Training data", (), ("what", "value"), rows)


def _slices(figures: CardFigures) -> Section:
    shown = [name for name in SLICE_METRICS if any(name in each.metrics for each in figures.slices)]
    rows = tuple(
        (each.by, each.name, f"{each.rows:,}", f"{each.frauds:,}", *(_whole(each.metrics.get(name)) for name in shown))
        for each in figures.slices
    )
    text = f"On the {figures.part} part; values with their 95 % intervals." if rows else NOT_MEASURED
    return Section("Slices", (text,), ("by", "slice", "transactions", "frauds", *shown), rows)


def _calibration(figures: CardFigures) -> Section:
    rows = tuple(
        (f"{each.mean_score:.5f}", _whole(each.fraud_rate), f"{each.rows:,}", f"{each.frauds:,}")
        for each in figures.calibration
    )
    text = f"On the {figures.part} part: a calibrated model's two columns agree." if rows else NOT_MEASURED
    return Section("Calibration", (text,), ("mean score", "share of frauds", "transactions", "frauds"), rows)


def _operating_points(manifest: Manifest, figures: CardFigures) -> Section:
    names = sorted({name for point in figures.operating_points for name in point.metrics})
    rows = [("in the bundle", *_thresholds(manifest.policy), *("" for _ in names))]
    rows += [
        (point.name, *_thresholds(point.policy), *(_whole(point.metrics.get(name)) for name in names))
        for point in figures.operating_points
    ]
    text = "The stream uses the policy in the bundle unless its roles name another."
    return Section("Operating points", (text,), ("point", "policy", "kind", "review", "decline", *names), tuple(rows))


def _thresholds(policy: Policy) -> tuple[str, ...]:
    review = f"{policy.review:.6f}"
    if policy.kind == "expected_loss":
        review = f"score times amount from {policy.review_cost_minor} minor units"
    return policy.version, policy.kind, review, f"{policy.decline:.6f}"


def _parts(metric: Metric) -> tuple[str, ...]:
    return tuple(f"{value:.4f}" for value in (metric.value, metric.low, metric.high))


def _whole(metric: Metric | None) -> str:
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})" if metric else ""


def _day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
