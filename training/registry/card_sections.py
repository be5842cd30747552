"""Build the content of a model card: titles, paragraphs and tables.

The sections follow M. Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.manifest import Manifest, Metric
from schemas.messages import Policy
from training.pages.elements import Table
from training.registry.card_figures import CardFigures

INTENDED_USE = (
    "The model scores card payments as they happen. A score is a calibrated probability of fraud.",
    "A policy turns each score into a verdict: approve, review or decline. Analysts check payments under review.",
    "Do not use the model to judge people, to grant credit, or to score payments unlike those it was trained on.",
)
LIMITS = (
    "Frauds are rare, so every metric is uncertain: read the interval, not only the value.",
    "The metrics come from payments shortly after the training window. Fraud changes, so expect worse values later.",
    "Labels come from what the bank detected. Undetected fraud counts as legitimate.",
)
_MEASURED_ON = (
    "Each metric has a 95% interval. The suffix of its name says where it was measured: _folds on folds inside the "
    "training split, _validation on the validation split, _not_repeated on test rows that do not repeat an earlier "
    "row, and no suffix on the whole test set. Metrics on the validation split that depend on calibration or "
    "thresholds are too optimistic, because both were chosen there."
)
_POINTS = (
    "Metrics whose name starts with comparison_ use the threshold with the largest expected F1 on the validation "
    "split, as papers do to compare models; that threshold is never deployed. All other metrics that need a threshold "
    "use the policy in the bundle."
)
#: Metrics shown for the slices. A metric that was not measured on any slice is left out.
SLICE_METRICS = ("pr_auc", "precision", "recall", "value_recall")
NOT_MEASURED = "Not measured for this version."


@dataclass(frozen=True)
class Section:
    """A section of a model card: title, paragraphs and at most one table, which is left out if it has no rows."""

    title: str
    paragraphs: tuple[str, ...] = ()
    table: Table | None = None


def sections(tags: Mapping[str, str], manifest: Manifest, figures: CardFigures | None) -> Iterator[Section]:
    """Yield the sections of a model card in order.

    Args:
        tags: Lineage of the model version.
        manifest: Manifest of the version's bundle.
        figures: Metrics from the version's evaluation; None if it was not evaluated.
    """
    figures = figures or CardFigures("test")
    yield Section("Intended use", INTENDED_USE)
    yield Section("Lineage", (), Table(("field", "value"), tuple(sorted(tags.items())), text_columns=2))
    yield _training_data(manifest)
    features = tuple((each.name, each.kind, f"{each.median:.6g}") for each in manifest.features)
    order = (
        f"The model takes {len(features)} values in this order. Missing values are handled by the policy "
        f"{manifest.missing!r}."
    )
    yield Section(
        "Features",
        (order,),
        Table(("name", "kind", "median in the training split"), features, text_columns=2),
    )
    metrics = tuple((name, *_value_and_interval(metric)) for name, metric in sorted(manifest.metrics.items()))
    yield Section(
        "Metrics",
        (_MEASURED_ON, _POINTS) if metrics else (NOT_MEASURED,),
        Table(("metric", "value", "low", "high"), metrics),
    )
    yield _slices(figures)
    yield _calibration(figures)
    yield _operating_points(manifest, figures)
    yield Section("Limits", (*LIMITS, *figures.limits))


def _training_data(manifest: Manifest) -> Section:
    window = manifest.training_window
    rows = (
        ("SHA-256 of the file", window.data_sha256),
        ("first event time", _second(window.start_ms)),
        ("end of event times (exclusive)", _second(window.end_ms)),
        ("transactions", f"{window.rows:,}"),
        ("frauds", f"{window.frauds:,}"),
        ("fraud rate", f"{window.frauds / max(window.rows, 1):.4%}"),
    )
    return Section("Training data", (), Table(("field", "value"), rows, text_columns=2))


def _slices(figures: CardFigures) -> Section:
    shown = [name for name in SLICE_METRICS if any(name in each.metrics for each in figures.slices)]
    rows = tuple(
        (each.by, each.name, f"{each.rows:,}", f"{each.frauds:,}", *(_in_one(each.metrics.get(name)) for name in shown))
        for each in figures.slices
    )
    text = f"Measured on the {figures.part} data, with 95% intervals." if rows else NOT_MEASURED
    return Section(
        "Slices", (text,), Table(("sliced by", "slice", "transactions", "frauds", *shown), rows, text_columns=2)
    )


def _calibration(figures: CardFigures) -> Section:
    rows = tuple(
        (f"{each.mean_score:.5f}", _in_one(each.fraud_rate), f"{each.rows:,}", f"{each.frauds:,}")
        for each in figures.calibration
    )
    text = (
        f"Measured on the {figures.part} data. In a calibrated model, mean score and fraud rate agree."
        if rows
        else NOT_MEASURED
    )
    head = ("mean score", "fraud rate", "transactions", "frauds")
    return Section("Calibration", (text,), Table(head, rows, text_columns=0))


def _operating_points(manifest: Manifest, figures: CardFigures) -> Section:
    names = sorted({name for point in figures.operating_points for name in point.metrics})
    rows = [("in the bundle", *_thresholds(manifest.policy), *("" for _ in names))]
    rows += [
        (point.name, *_thresholds(point.policy), *(_in_one(point.metrics.get(name)) for name in names))
        for point in figures.operating_points
    ]
    head = ("operating point", "policy", "kind", "review", "decline", *names)
    text = "The stream uses the policy in the bundle unless the role assignment names a different policy."
    return Section("Operating points", (text,), Table(head, tuple(rows), text_columns=3))


def _thresholds(policy: Policy) -> tuple[str, ...]:
    review = f"{policy.review:.6f}"
    if policy.kind == "expected_loss":
        review = f"score times amount of at least {policy.review_cost_minor} minor units"
    return policy.version, policy.kind, review, f"{policy.decline:.6f}"


def _value_and_interval(metric: Metric) -> tuple[str, ...]:
    return tuple(f"{value:.4f}" for value in (metric.value, metric.low, metric.high))


def _in_one(metric: Metric | None) -> str:
    return f"{metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})" if metric else ""


def _second(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
