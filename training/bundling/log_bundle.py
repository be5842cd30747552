"""Log a model's bundle, card figures and metrics to its MLflow run."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from schemas.manifest import Metric
from training.bundling.build_bundle import DeployedModel, build_bundle
from training.bundling.write_bundle import BUNDLE_ARTIFACT
from training.registry.card_figures import FIGURES_ARTIFACT, CardFigures, encode_figures
from training.registry.experiment import ActiveRun, flatten


def log_bundle(run: ActiveRun, model: DeployedModel, card: CardFigures, metrics: Mapping[str, Metric]) -> None:
    """Build a model's bundle and log it to its run, with the card figures and the metrics.

    Args:
        run: Run that will contain the bundle.
        model: Model to deploy.
        card: Card figures, that is, the metrics shown on the model card.
        metrics: Metrics to write into the manifest and to log to the run.

    Raises:
        BundleError: If the bundle does not pass its audit.
        DataError: If the missing-value policy rejects every row of the training split.
        RegistryError: If MLflow is unavailable or rejects the request.
    """
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / BUNDLE_ARTIFACT
        build_bundle(model, run.run_id, metrics, directory)
        run.log_files(directory, BUNDLE_ARTIFACT)
    run.log_text(FIGURES_ARTIFACT, encode_figures(card).decode())
    run.log_metrics(flatten(metrics))
