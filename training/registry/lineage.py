"""Where a model comes from: code, libraries, data and features, as tags of its run and of its version."""

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import msgspec

from schemas.manifest import Feature, Manifest

#: Tag of a run, and MLflow's own: the run of the study that this one belongs to.
PARENT_RUN = "mlflow.parentRunId"
#: Tags that a version takes over from its run: what was true when the model was made, not when it was registered.
_FROM_RUN = ("git_commit", "git_dirty")
_LIBRARY = "library."
#: What a score can depend on, by the name it is installed under.
_LIBRARIES = (
    "imbalanced-learn",
    "lightgbm",
    "mlflow",
    "numpy",
    "onnx",
    "onnxmltools",
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
    """Return the git commit and whether the work tree differs from it, as tags; `unknown` outside a repository."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    dirty = _UNKNOWN if changes is None else str(bool(changes)).lower()
    return {"git_commit": commit or _UNKNOWN, "git_dirty": dirty}


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries a score can depend on, as tags `library.<name>`."""
    found = {_LIBRARY + "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[_LIBRARY + name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # one of the two names xgboost goes by, say
    return found


def version_tags(run_id: str, run_tags: Mapping[str, str], manifest: Manifest) -> dict[str, str]:
    """Return the lineage of a version whose bundle came from a run.

    The commit and the library versions are the run's; where it noted none they are `unknown`, for those of whoever
    registers it may be others.
    """
    noted = {name: run_tags.get(name, _UNKNOWN) for name in _FROM_RUN}
    libraries = {name: value for name, value in run_tags.items() if name.startswith(_LIBRARY)}
    return {
        "algorithm": manifest.algorithm,
        "data_sha256": manifest.training_window.data_sha256,
        "feature_set": run_tags.get("feature_set") or feature_set(manifest.features),
        "run_id": run_id,
        "parent_run": run_tags.get(PARENT_RUN, ""),
        **noted,
        **(libraries or {_LIBRARY + "python": _UNKNOWN}),
    }


def feature_set(features: tuple[Feature, ...]) -> str:
    """Return a short hash of the features' names and kinds, in order: equal for models that take the same vector."""
    named = [(feature.name, feature.kind) for feature in features]
    return hashlib.sha256(msgspec.json.encode(named)).hexdigest()[:12]


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  # nothing of it is input
            ["git", *arguments],  # noqa: S607  # whichever git the user has
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
