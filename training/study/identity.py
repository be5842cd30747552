"""What makes two runs one study: the same plan on the same data, cut and described the same way."""

import hashlib

import msgspec
from msgspec import Struct

from schemas.errors import StudyError
from training.data.dataset import Dataset
from training.data.featureset import FeatureSet
from training.study.plan import StudyPlan
from training.study.runs import IDENTITY, Study


class Identity(Struct, frozen=True):
    """Hashes of everything that figures depend on but the code."""

    plan: str
    #: Of the data file.
    data: str
    #: Of its columns by what they are.
    description: str
    features: str
    split: str


def identify(plan: StudyPlan, data: Dataset, features: FeatureSet, split: str) -> Identity:
    """Return a study's identity; `split` is the split's name with its seed, if it has one."""
    return Identity(plan.sha256, data.sha256, _hash(data.description), _hash(features), split)


def encode_identity(identity: Identity) -> str:
    """Write an identity as JSON."""
    return msgspec.json.encode(identity).decode()


def require_same(study: Study, identity: Identity) -> None:
    """Hold an identity against the one that a study was begun with.

    Raises:
        StudyError: If they differ; says in what.
    """
    begun = _begun(study)
    if differing := [name for name in Identity.__struct_fields__ if getattr(begun, name) != getattr(identity, name)]:
        raise StudyError(
            f"study {study.name} (run {study.run_id}) was begun with another {' and another '.join(differing)}; "
            "give the same again, or begin a new study with --fresh or another --name"
        )


def split_of(study: Study) -> str:
    """Return the name of the split that a study was run with."""
    return _begun(study).split


def require_same_data(study: Study, data: Dataset) -> None:
    """Hold data against those that a study was run on.

    Raises:
        StudyError: If they differ.
    """
    begun = _begun(study)
    if (begun.data, begun.description) != (data.sha256, _hash(data.description)):
        raise StudyError(f"study {study.name} was run on other data; give them with --data, or name its --study")


def require_same_features(study: Study, features: FeatureSet) -> None:
    """Hold a feature set against the one that a study was run with.

    Raises:
        StudyError: If they differ.
    """
    if _begun(study).features != _hash(features):
        raise StudyError(f"study {study.name} was run with other features; give them with --features")


def same_identity(study: Study, identity: Identity) -> bool:
    """Tell whether a study was begun with this identity."""
    return _begun(study) == identity


def same_folds(one: Study, other: Study) -> bool:
    """Tell whether two studies scored their entries on the same rows: figures by fold can then be paired."""
    first, second = _begun(one), _begun(other)
    names = ("data", "description", "split")
    alike = all(getattr(first, name) == getattr(second, name) for name in names)
    return alike and one.facts["folds"] == other.facts["folds"]


def _begun(study: Study) -> Identity:
    return msgspec.json.decode(study.tags[IDENTITY], type=Identity)


def _hash(struct: Struct) -> str:
    return hashlib.sha256(msgspec.json.encode(struct)).hexdigest()
