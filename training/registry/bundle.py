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

from schemas.manifest import MANIFEST_NAME, Manifest, encode_manifest
from stream.models.bundle import LoadedModel, audit


def write_bundle(directory: Path, model: onnx.ModelProto, manifest: Manifest) -> LoadedModel:
    """Write a bundle into a directory that does not exist yet, and read it back as the stream does.

    Args:
        directory: To be made.
        model: The graph.
        manifest: Complete but for `files`, which is filled in here.

    Raises:
        BundleError: If the bundle does not pass its audit.
    """
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, len(manifest.features)), "features")]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,), "score")]),
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
    files = {
        file.relative_to(directory).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(directory.rglob("*"))
        if file.is_file()
    }
    raw = encode_manifest(msgspec.structs.replace(manifest, files=files))
    (directory / MANIFEST_NAME).write_bytes(raw)
    return audit(directory, hashlib.sha256(raw).hexdigest())
