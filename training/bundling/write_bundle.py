"""Writing a bundle: an MLflow model directory with our manifest beside it, audited before anyone sees it."""

import hashlib
from pathlib import Path

import mlflow.onnx
import msgspec
import numpy as np
import onnx
import onnxruntime
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema, TensorSpec

from schemas.manifest import MANIFEST_NAME, Manifest, decode_manifest, encode_manifest
from stream.models.bundle import LoadedModel, audit

#: Version in the manifest of a bundle that its run holds and nobody has registered.
UNREGISTERED = "unregistered"


def write_bundle(directory: Path, model: onnx.ModelProto, manifest: Manifest) -> LoadedModel:
    """Write a bundle into a directory that does not exist yet, and read it back as the stream does.

    Args:
        directory: To be made.
        model: The graph.
        manifest: Complete but for `files`, which is filled in here.

    Raises:
        BundleError: If the bundle does not pass its audit.
    """
    # By the graph's own names: `mlflow models serve` hands rows over under the signature's.
    taken, given = model.graph.input[0], model.graph.output[0]
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, len(manifest.features)), taken.name)]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,), given.name)]),
    )
    mlflow.onnx.save_model(
        model,
        str(directory),
        signature=signature,
        # Named, or MLflow would load the model in a new process to find out.
        pip_requirements=[f"onnx=={onnx.__version__}", f"onnxruntime=={onnxruntime.__version__}"],
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
    )
    return _seal(directory, manifest)


def renumber_bundle(directory: Path, name: str, version: str, run_id: str) -> LoadedModel:
    """Give a bundle its place in the registry, in its own directory: only the manifest changes, and so its hash.

    Args:
        directory: Of a bundle that passed its audit.
        name: Of the registered model.
        version: That the bundle store knows it by.
        run_id: Of the MLflow run that holds it.

    Raises:
        BundleError: If the bundle does not pass its audit.
    """
    manifest = decode_manifest((directory / MANIFEST_NAME).read_bytes())
    return _seal(directory, msgspec.structs.replace(manifest, name=name, version=version, mlflow_run_id=run_id))


def _seal(directory: Path, manifest: Manifest) -> LoadedModel:
    """Write the manifest with the hashes of all other files, and audit the whole."""
    files = {
        file.relative_to(directory).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(directory.rglob("*"))
        if file.is_file() and file != directory / MANIFEST_NAME
    }
    raw = encode_manifest(msgspec.structs.replace(manifest, files=files))
    (directory / MANIFEST_NAME).write_bytes(raw)
    return audit(directory, hashlib.sha256(raw).hexdigest())
