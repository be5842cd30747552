"""The job of `fraud-train card`."""

from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from training.registry.card import ModelCard, make_card, read_figures
from training.registry.runs import MlflowRuns
from training.registry.versions import RegisteredVersion


def make_version_card(version: RegisteredVersion, runs: MlflowRuns, bundles: BundleStore) -> ModelCard:
    """Return the model card of a registered version.

    Args:
        version: The version.
        runs: MLflow runs, which contain the version's figures.
        bundles: Store with the version's bundle.

    Raises:
        BundleError: If the bundle cannot be used.
    """
    manifest = read_bundle(bundles, version.bundle).manifest
    return make_card(version.number, version.tags, manifest, read_figures(version.run_id, runs))
