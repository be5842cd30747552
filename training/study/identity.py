"""The identity of a study: the plan, data, description, features and split that its metrics depend on."""

import hashlib

import msgspec
from msgspec import Struct

from schemas.errors import StudyError
from training.data.dataset import Dataset
from training.data.featureset import FeatureSet
from training.study.plan import StudyPlan
from training.study.runs import IDENTITY, Study


class Identity(Struct, frozen=True):
    """Everything except the code that the metrics of a study depend on.

    Attributes:
        plan: SHA-256 of the plan.
        data: SHA-256 of the data file.
        description: SHA-256 of the description of its columns.
        features: SHA-256 of the feature set.
        split: Name of the split, with its seed if it has one.
    """

    plan: str
    data: str
    description: str
    features: str
    split: str


def identify(plan: StudyPlan, data: Dataset, features: FeatureSet, split: str) -> Identity:
    """Return the identity of a study that has these inputs.

    Args:
        plan: Plan of the study.
        data: Loaded data.
        features: Feature set.
        split: Name of the split, with its seed if it has one.
    """
    return Identity(plan.sha256, data.sha256, _hash(data.description), _hash(features), split)


def encode_identity(identity: Identity) -> str:
    """Encode an identity as JSON."""
    return msgspec.json.encode(identity).decode()


def require_same(study: Study, identity: Identity) -> None:
    """Check that a study was started with this identity.

    Raises:
        StudyError: If the identities differ; the error names the differences.
    """
    original = _identity_of(study)
    differing = [name for name in Identity.__struct_fields__ if getattr(original, name) != getattr(identity, name)]
    if differing:
        raise StudyError(
            f"study {study.name} (run {study.run_id}) was started with different {' and '.join(differing)}; "
            "use the same inputs again, or start a new study with --fresh or another --name"
        )


def split_of(study: Study) -> str:
    """Return the name of the split that a study was run with."""
    return _identity_of(study).split


def require_same_data(study: Study, data: Dataset) -> None:
    """Check that a study was run on these data.

    Raises:
        StudyError: If the study was run on different inputs.
    """
    original = _identity_of(study)
    if (original.data, original.description) != (data.sha256, _hash(data.description)):
        raise StudyError(
            f"study {study.name} was run on different data; give its data with --data, "
            "or choose another study with --study"
        )


def require_same_features(study: Study, features: FeatureSet) -> None:
    """Check that a study was run with this feature set.

    Raises:
        StudyError: If the study was run on different inputs.
    """
    if _identity_of(study).features != _hash(features):
        raise StudyError(f"study {study.name} was run with different features; give its feature set with --features")


def same_identity(study: Study, identity: Identity) -> bool:
    """Return whether a study was started with this identity."""
    return _identity_of(study) == identity


def same_folds(one: Study, other: Study) -> bool:
    """Return whether two studies scored their entries on the same rows, so that their metrics by fold can be paired."""
    first, second = _identity_of(one), _identity_of(other)
    names = ("data", "description", "split")
    alike = all(getattr(first, name) == getattr(second, name) for name in names)
    return alike and one.facts["folds"] == other.facts["folds"]


def _identity_of(study: Study) -> Identity:
    return msgspec.json.decode(study.tags[IDENTITY], type=Identity)


def _hash(struct: Struct) -> str:
    return hashlib.sha256(msgspec.json.encode(struct)).hexdigest()
