"""The bundle manifest: the contract of a model, from its features to its training window.

A bundle is a directory with `model.onnx`, `manifest.json` and the files MLflow adds. The manifest lists the SHA-256 of
every other file, so its own hash (`BundleRef.sha256`) identifies the whole bundle.

`format_version` increases if a reader of the old version would misread a new manifest. It stays the same for a new
optional field, and for a new kind of feature or policy: an older reader rejects a kind that it does not know. Readers
reject unknown format versions.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.errors import BundleCorruptError
from schemas.messages import Count, Identifier, Policy, Sha256

MANIFEST_NAME = "manifest.json"
MODEL_NAME = "model.onnx"

FeatureKind = Literal["numeric", "amount_minor", "categorical", "log_amount", "hour_sin", "hour_cos"]
#: How a null feature is treated. refuse: the transaction becomes a dead letter. median: null becomes the feature's
#: `median`. nan: null becomes NaN, which the model handles.
MissingPolicy = Literal["refuse", "median", "nan"]


class Feature(Struct, frozen=True):
    """One column of the feature vector, in manifest order."""

    #: Name of the feature.
    name: Identifier
    #: Median in the training split. It replaces the value when reasons are computed, and null under policy `median`.
    #: For a categorical feature, it is the index of the most frequent category: 0.
    median: float
    #: numeric: the number `features[name]` in the transaction. categorical: the index in `categories` of the string
    #: `features[name]`. amount_minor: the transaction's amount, in minor units. log_amount: ln(1 + amount_minor).
    #: hour_sin, hour_cos: sine and cosine of 2π · (time since UTC midnight) / (24 hours) of event_time_ms.
    kind: FeatureKind = "numeric"
    #: Categories of a categorical feature, frozen during training, most frequent first, without duplicates. Any other
    #: string is accepted and gets the number of categories as its index. Empty for every other kind.
    categories: tuple[str, ...] = ()


class Metric(Struct, frozen=True):
    """A metric with its 95% bootstrap confidence interval."""

    #: The metric.
    value: float
    #: Lower end of the interval.
    low: float
    #: Upper end of the interval.
    high: float


class TrainingWindow(Struct, frozen=True):
    """The data that the model was fitted on. Times are event times; the interval is half-open."""

    #: Event time of the first row, UTC milliseconds.
    start_ms: int
    #: Event time of the last row, UTC milliseconds.
    end_ms: int
    #: Number of rows.
    rows: int
    #: Number of frauds among them.
    frauds: int
    #: SHA-256 that identifies the data.
    data_sha256: Sha256


class NaturalMovement(Struct, frozen=True):
    """How far a column moves from its reference without drift, in windows of one size in the training split.

    Each value is the 99.5 % quantile over consecutive windows in time order, or the maximum if there are fewer than 200
    windows.
    """

    #: Rows in a window.
    rows: Annotated[int, Meta(ge=1)]
    #: Number of windows measured.
    windows: Annotated[int, Meta(ge=1)]
    #: PSI.
    psi: Annotated[float, Meta(ge=0)]
    #: KS statistic; Jensen-Shannon distance for a categorical feature. In [0, 1].
    distance: Annotated[float, Meta(ge=0, le=1)]


class FalseAlarms(Struct, frozen=True):
    """How often the alarm rule fired in windows of one size, measured on data without drift."""

    #: Rows in a window.
    rows: Annotated[int, Meta(ge=1)]
    #: Number of windows measured.
    windows: Annotated[int, Meta(ge=1)]
    #: Number of windows in which at least one column raised an alarm.
    alarms: Count


class ReferenceProfile(Struct, frozen=True):
    """The frozen drift reference of one column: bins with counts, and 200 quantiles.

    `bin_edges` are the k inner edges of k + 1 bins, `bin_counts` their k + 1 counts; a value on an edge belongs to the
    bin above it. The edges of a numeric column are its deciles; the score's edges also include its 99, 99.5 and
    99.9% quantiles and the thresholds. In a categorical column, each of the first 20 categories is a bin, the remaining
    categories share one bin, and strings that are not a category (index K of K categories) are the last bin. Missing
    values are in no bin.
    """

    #: Edges between the bins, ascending.
    bin_edges: tuple[float, ...]
    #: Number of reference rows in each bin.
    bin_counts: tuple[int, ...]
    #: Quantiles at evenly spaced probabilities from 0 to 1, both included; empty for a categorical feature.
    quantiles: tuple[float, ...]
    #: Number of reference rows without a value.
    missing: Count = 0
    #: Natural movement for each window size, ascending; empty in bundles from before it was measured.
    natural: tuple[NaturalMovement, ...] = ()


class VerdictReference(Struct, frozen=True):
    """Numbers of approvals, reviews and declines by the deployed policy, on rows that the model was not fitted on."""

    #: Number of rows approved.
    approved: Count
    #: Number of rows reviewed.
    reviewed: Count
    #: Number of rows declined.
    declined: Count


class Parity(Struct, frozen=True):
    """Rows that a reader scores again before it trusts the model: (k, n_features) values and their (k,) scores."""

    #: null is a missing value, which the model receives as NaN; allowed only if the manifest's `missing` is `nan`.
    rows: tuple[tuple[float | None, ...], ...]
    #: Expected score of each row.
    scores: tuple[float, ...]
    #: Largest allowed difference between scores. Tree models reproduce every bit; linear models differ in the last
    #: digits.
    tolerance: Annotated[float, Meta(gt=0, le=1e-5)] = 1e-6


class Manifest(Struct, frozen=True):
    """The manifest of one bundle: everything that a program needs to know to serve its model."""

    #: Name of the model.
    name: Identifier
    #: Version of the model.
    version: Identifier
    #: Model family, such as lightgbm.
    algorithm: str
    #: MLflow run that made the model.
    mlflow_run_id: str
    #: UTC milliseconds at which the bundle was made.
    created_at_ms: int
    #: The model's inputs, in order.
    features: Annotated[tuple[Feature, ...], Meta(min_length=1)]
    #: What happens to a null feature. median: it becomes the feature's median. nan: the model receives NaN. refuse: the
    #: transaction is rejected (`null_feature`).
    missing: MissingPolicy
    #: Thresholds by which the model decides unless a role change sets others.
    policy: Policy
    #: The data that the model was trained on.
    training_window: TrainingWindow
    #: Offline metrics by name, on the test set unless the name ends with another split (`pr_auc_validation`).
    metrics: dict[str, Metric]
    #: One profile for each feature, by name; empty only in bundles without drift monitoring.
    reference: dict[str, ReferenceProfile]
    #: Reference profile of the score; None in bundles without drift monitoring.
    score_reference: ReferenceProfile | None
    #: Rows that the audit scores again, with the expected scores.
    parity: Parity
    #: SHA-256 of every file except the manifest, by path relative to the bundle.
    files: dict[str, Sha256]
    #: None in bundles from before these verdicts were counted.
    verdict_reference: VerdictReference | None = None
    #: False alarms for each window size, ascending.
    false_alarms: tuple[FalseAlarms, ...] = ()
    #: Version of the manifest's format.
    format_version: Literal[1] = 1

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Feature names, in the order of the feature vector."""
        return tuple(feature.name for feature in self.features)


_decoder = msgspec.json.Decoder(Manifest)


def decode_manifest(raw: bytes) -> Manifest:
    """Decode a manifest.

    Raises:
        BundleCorruptError: If the bytes are not a manifest of a supported format version.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleCorruptError(f"cannot read {MANIFEST_NAME} ({error}); export the bundle again") from error


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode a manifest as JSON, indented so that people can read it too."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)
