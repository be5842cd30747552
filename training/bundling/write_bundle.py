"""Write a bundle: an MLflow model directory with our manifest, audited before it is used."""

import hashlib
from importlib import metadata
from pathlib import Path

import mlflow.onnx
import msgspec
import numpy as np
import onnx
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema, TensorSpec

from schemas.manifest import MANIFEST_NAME, Manifest, decode_manifest, encode_manifest
from stream.models.bundle import LoadedModel, audit

#: Name of the artifact folder that contains a run's bundle.
BUNDLE_ARTIFACT = "bundle"
#: Version in the manifest of a bundle that is not registered yet.
UNREGISTERED = "unregistered"


def write_bundle(directory: Path, model: onnx.ModelProto, manifest: Manifest) -> LoadedModel:
    """Write a bundle and read it back as the stream does, to audit it.

    Args:
        directory: Directory to create.
        model: ONNX graph to write.
        manifest: Manifest to write; its `files` are filled in here.

    Raises:
        BundleError: If the bundle does not pass its audit.
    """
    # The signature uses the names in the graph, because `mlflow models serve` passes rows under the signature's names.
    graph_input, graph_output = model.graph.input[0], model.graph.output[0]
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, len(manifest.features)), graph_input.name)]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,), graph_output.name)]),
    )
    mlflow.onnx.save_model(
        model,
        str(directory),
        signature=signature,
        # Without explicit requirements, MLflow would load the model in a new process to infer them.
        pip_requirements=[f"onnx=={onnx.__version__}", f"onnxruntime=={metadata.version('onnxruntime')}"],
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
    )
    return _write_manifest(directory, manifest)


def renumber_bundle(directory: Path, name: str, version: str, run_id: str) -> LoadedModel:
    """Write name, version and run id into a bundle's manifest, which changes the bundle's hash. No other file changes.

    Args:
        directory: Directory of a bundle that has passed its audit.
        name: Name of the registered model.
        version: Version under which the bundle is stored.
        run_id: Id of the MLflow run that contains the bundle.

    Raises:
        BundleError: If the bundle does not pass its audit.
    """
    manifest = decode_manifest((directory / MANIFEST_NAME).read_bytes())
    renumbered = msgspec.structs.replace(manifest, name=name, version=version, mlflow_run_id=run_id)
    return _write_manifest(directory, renumbered)


def _write_manifest(directory: Path, manifest: Manifest) -> LoadedModel:
    """Write the manifest with the hashes of all other files, and audit the bundle."""
    files = {
        file.relative_to(directory).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(directory.rglob("*"))
        if file.is_file() and file != directory / MANIFEST_NAME
    }
    raw = encode_manifest(msgspec.structs.replace(manifest, files=files))
    (directory / MANIFEST_NAME).write_bytes(raw)
    return audit(directory, hashlib.sha256(raw).hexdigest())
