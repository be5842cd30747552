"""Record a model's lineage (code, libraries, data and features) as tags of its run and its registered version."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import msgspec

from schemas.manifest import Feature, Manifest

#: MLflow's tag for the parent of a run; the runs of a study's entries have the study's run as their parent.
PARENT_RUN = "mlflow.parentRunId"
#: Tags that a version copies from its run. They describe the state when the model was trained, not when registered.
_FROM_RUN = ("git_commit", "git_dirty")
#: Tags for the result of the validation, and for who accepted a model that does not pass, and why.
VALIDATION, VALIDATION_OVERRIDE = "validation", "validation_override"
_LIBRARY = "library."
#: Distribution names of the libraries on which a score can depend.
_LIBRARIES = (
    "imbalanced-learn",
    "lightgbm",
    "mlflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "optuna",
    "polars",
    "scikit-learn",
    "skl2onnx",
    "xgboost",
    "xgboost-cpu",
)
_UNKNOWN = "unknown"


def code_version() -> dict[str, str]:
    """Return tags for the git commit and for whether the work tree has changes, both `unknown` outside a repository."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    dirty = _UNKNOWN if changes is None else str(bool(changes)).lower()
    return {"git_commit": commit or _UNKNOWN, "git_dirty": dirty}


def library_versions() -> dict[str, str]:
    """Return tags `library.<name>` with the versions of Python and of all libraries on which a score can depend."""
    versions = {_LIBRARY + "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[_LIBRARY + name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # XGBoost has two distributions, of which one is installed
    return versions


def version_tags(run_id: str, run_tags: Mapping[str, str], manifest: Manifest) -> dict[str, str]:
    """Return the lineage of a registered version as tags.

    The commit and the library versions come from the run, because the machine that registers the run may have others.
    They are `unknown` if the run does not have them.

    Args:
        run_id: Id of the run that produced the bundle.
        run_tags: Tags of the run.
        manifest: Manifest of the bundle.
    """
    code = {name: run_tags.get(name, _UNKNOWN) for name in _FROM_RUN}
    libraries = {name: value for name, value in run_tags.items() if name.startswith(_LIBRARY)}
    return {
        "algorithm": manifest.algorithm,
        "data_sha256": manifest.training_window.data_sha256,
        "feature_set": run_tags.get("feature_set") or feature_set(manifest.features),
        "run_id": run_id,
        "parent_run": run_tags.get(PARENT_RUN, ""),
        **code,
        **{name: run_tags[name] for name in (VALIDATION, VALIDATION_OVERRIDE) if run_tags.get(name)},
        **(libraries or {_LIBRARY + "python": _UNKNOWN}),
    }


def feature_set(features: tuple[Feature, ...]) -> str:
    """Return a short hash of the features' names and kinds, in order; equal feature vectors have equal hashes."""
    named = [(feature.name, feature.kind) for feature in features]
    return hashlib.sha256(msgspec.json.encode(named)).hexdigest()[:12]


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  # the arguments are constants
            ["git", *arguments],  # noqa: S607  # the user's own git
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
