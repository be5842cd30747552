"""The bundle's contract: what a model takes, gives, promises and was made from.

A bundle is a directory with `model.onnx`, `manifest.json` and whatever MLflow wants beside them. The manifest
names the SHA-256 of every other file, so its own hash (`BundleRef.sha256`) stands for the whole bundle.

`format_version` rises when a reader of the old version would misread a new manifest. A new optional field does not
raise it, nor does a new kind of feature or policy: an older reader refuses a word it does not know, so it misreads
nothing. Readers refuse versions they do not know.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.errors import BundleCorruptError
from schemas.messages import Count, Identifier, Policy, Sha256

MANIFEST_NAME = "manifest.json"
MODEL_NAME = "model.onnx"

FeatureKind = Literal["numeric", "amount_minor", "categorical", "log_amount", "hour_sin", "hour_cos"]
#: What null becomes. refuse: a dead letter. median: the feature's `median`. nan: the model handles it.
MissingPolicy = Literal["refuse", "median", "nan"]


class Feature(Struct, frozen=True):
    """One column of the feature vector, in manifest order."""

    name: Identifier
    #: Of the training part: stands for "an ordinary value" in reasons, and for null under `median`. Of a categorical
    #: feature the index of its most frequent category: 0.
    median: float
    #: numeric: the number `features[name]` of the transaction. categorical: the string `features[name]`, as its index
    #: in `categories`. amount_minor: the transaction's own amount, in minor units. log_amount: ln(1 + amount_minor).
    #: hour_sin, hour_cos: sine and cosine of 2π · (time since UTC midnight) / (24 hours) of event_time_ms.
    kind: FeatureKind = "numeric"
    #: Of a categorical feature, as training froze them: the most frequent first, no two alike. A string that is none of
    #: them is accepted; its value is their number. Empty for every other kind.
    categories: tuple[str, ...] = ()


class Metric(Struct, frozen=True):
    """A measured figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class TrainingWindow(Struct, frozen=True):
    """What the model was fitted on. Times are event times, half-open."""

    start_ms: int
    end_ms: int
    rows: int
    frauds: int
    data_sha256: Sha256


class NaturalMovement(Struct, frozen=True):
    """How far one column strays from its reference by itself, in windows of one size inside the training part.

    Each figure is the 99.5 % quantile over consecutive windows, in time order; of fewer than 200 windows the largest.
    """

    #: Of a window.
    rows: Annotated[int, Meta(ge=1)]
    windows: Annotated[int, Meta(ge=1)]
    psi: Annotated[float, Meta(ge=0)]
    #: The KS statistic; of a categorical feature the Jensen-Shannon distance. In [0, 1].
    distance: Annotated[float, Meta(ge=0, le=1)]


class FalseAlarms(Struct, frozen=True):
    """How often the alarm rule was wrong in windows of one size, measured where nothing had drifted."""

    rows: Annotated[int, Meta(ge=1)]
    windows: Annotated[int, Meta(ge=1)]
    #: Windows in which any column's alarm went on.
    alarms: Count


class ReferenceProfile(Struct, frozen=True):
    """The frozen reference of one column for drift: bins with counts, and 200 quantiles.

    `bin_edges` are the k inner edges of k + 1 bins, `bin_counts` their k + 1 counts; a value on an edge belongs to the
    bin above it. Numeric: the deciles, of a score also the 99, 99.5 and 99.9 % quantiles and the thresholds.
    Categorical: each of the first 20 categories is a bin, the rest are pooled, and strings that are no category
    (index K of K categories) are the last bin. Missing values are in no bin.
    """

    bin_edges: tuple[float, ...]
    bin_counts: tuple[int, ...]
    #: Run evenly from 0 to 1, both ends included; none of a categorical feature.
    quantiles: tuple[float, ...]
    #: Missing values of the reference.
    missing: Count = 0
    #: By size of the window, ascending; none in bundles of before it was measured.
    natural: tuple[NaturalMovement, ...] = ()


class VerdictReference(Struct, frozen=True):
    """Verdicts of the deployed policy on rows that the model had not seen."""

    approved: Count
    reviewed: Count
    declined: Count


class Parity(Struct, frozen=True):
    """Rows a reader scores again before it trusts the model: (k, n_features) values and (k,) scores."""

    #: null is a missing value, NaN to the model; only where `missing` is `nan`.
    rows: tuple[tuple[float | None, ...], ...]
    scores: tuple[float, ...]
    #: Largest allowed difference; tree models are bit-equal, linear ones differ in the last digits.
    tolerance: Annotated[float, Meta(gt=0, le=1e-5)] = 1e-6


class Manifest(Struct, frozen=True):
    """The whole contract of one bundle."""

    name: Identifier
    version: Identifier
    algorithm: str
    mlflow_run_id: str
    created_at_ms: int
    features: Annotated[tuple[Feature, ...], Meta(min_length=1)]
    missing: MissingPolicy
    policy: Policy
    training_window: TrainingWindow
    #: Offline figures by name, on the test part unless the name ends with another (`pr_auc_validation`).
    metrics: dict[str, Metric]
    #: One for each feature by name; empty only in bundles that want no drift watch.
    reference: dict[str, ReferenceProfile]
    score_reference: ReferenceProfile | None
    parity: Parity
    #: SHA-256 by path relative to the bundle, of every file but the manifest itself.
    files: dict[str, Sha256]
    #: None in bundles of before it was measured.
    verdict_reference: VerdictReference | None = None
    #: By size of the window, ascending.
    false_alarms: tuple[FalseAlarms, ...] = ()
    format_version: Literal[1] = 1

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names in the order of the feature vector."""
        return tuple(feature.name for feature in self.features)


_decoder = msgspec.json.Decoder(Manifest)


def decode_manifest(raw: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        BundleCorruptError: If the bytes are not a manifest of a known format version.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleCorruptError(f"{MANIFEST_NAME} cannot be read ({error}); export the bundle again") from error


def encode_manifest(manifest: Manifest) -> bytes:
    """Write a manifest for people too: indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)
