"""Labelled transactions from a known probability of fraud, and bundles that score them well or badly."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnx
import polars as pl
from msgspec.structs import replace
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from schemas.manifest import MANIFEST_NAME, MODEL_NAME, Feature, Manifest, decode_manifest, encode_manifest
from schemas.messages import Policy
from stream.models.bundle import LoadedModel, audit
from stream.models.onnx_session import OnnxModel
from tests.support.bundles import put_bundle
from training.data.config_files import decode_config
from training.data.dataset import Dataset, load
from training.data.description import DataDescription

ROWS = 20_000
#: The probability of fraud is sigmoid(V1 + V2 + V3 + BIAS): about one in eight.
BIAS = -3.5
#: Both alert frauds and legitimate transactions, so that either rate can become worse.
POLICY = Policy("1", review=0.2, decline=0.9)
CHANNELS = ("shop", "web", "phone")
START_MS = 1_772_323_200_000

YAML = """
time: {column: when, unit: ms}
label: fraud
amount: {column: Amount, unit: minor}
currency: EUR
card: card
features: {V1: numeric, V2: numeric, V3: numeric, channel: categorical}
"""
DESCRIPTION = decode_config(YAML.encode(), DataDescription, "own.yaml")


def make_rows(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Return transactions one second apart, each on a card of its own, with labels drawn from their probability."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, 3))
    probability = 1 / (1 + np.exp(-(values.sum(axis=1) + BIAS)))
    return pl.DataFrame(
        {
            "when": START_MS + 1000 * np.arange(rows),
            "fraud": (random.random(rows) < probability).astype(np.int8),
            "Amount": random.integers(1, 100_000, rows),
            "card": [f"card-{n}" for n in range(rows)],
            **{f"V{n + 1}": values[:, n] for n in range(3)},
            "channel": random.choice(CHANNELS, rows, p=(0.6, 0.3, 0.1)),
        }
    )


def load_rows(folder: Path, frame: pl.DataFrame) -> Dataset:
    """Write transactions to a file and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / "labelled.parquet")
    return load(folder / "labelled.parquet", DESCRIPTION)


def make_bundle(
    folder: Path,
    *,
    weights: tuple[float, ...] = (1.0, 1.0, 1.0),
    bias: float = BIAS,
    channel: float = 0.0,
    policy: Policy = POLICY,
    reference: bool = False,
) -> Path:
    """Write a bundle and return its directory. The defaults give every transaction its true probability.

    Args:
        folder: Folder in which to create `bundle`.
        weights: Weights of V1, V2 and V3.
        bias: Log odds if all are 0.
        channel: Weight of the channel's index: a negative one hides the frauds of the web and the phone.
        policy: Policy in the manifest.
        reference: Whether the bundle has a drift reference, in which V1, V2 and V3 have standard deviation 2.
    """
    further: Mapping[Feature, float] = {Feature("channel", 0.0, "categorical", CHANNELS): channel}
    put_bundle(
        folder / "store",
        weights=weights,
        bias=bias,
        policy=policy,
        further=MappingProxyType({}) if reference else further,
        reference=reference,
    )
    (folder / "store" / "fraud" / "1").rename(folder / "bundle")
    return folder / "bundle"


def edit_manifest(directory: Path, **changes: object) -> None:
    """Change fields of a bundle's manifest, and list the files as they are now."""
    manifest = decode_manifest((directory / MANIFEST_NAME).read_bytes())
    files = {MODEL_NAME: hashlib.sha256((directory / MODEL_NAME).read_bytes()).hexdigest()}
    (directory / MANIFEST_NAME).write_bytes(encode_manifest(replace(manifest, files=files, **changes)))


def read(directory: Path) -> LoadedModel:
    """Audit a bundle and load its model."""
    return audit(directory, manifest_hash(directory))


def manifest_hash(directory: Path) -> str:
    """Return the hash of a bundle's manifest."""
    return hashlib.sha256((directory / MANIFEST_NAME).read_bytes()).hexdigest()


def make_costly(directory: Path, width: int = 700) -> None:
    """Add work to a bundle's graph that changes no score: two products with matrices of this width."""
    graph = onnx.load(directory / MODEL_NAME)
    inputs = int(graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value)
    random = np.random.default_rng(0)
    for name, shape in (("w1", (inputs, width)), ("w2", (width, width))):
        graph.graph.initializer.append(numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name))
    graph.graph.initializer.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"))
    graph.graph.initializer.append(numpy_helper.from_array(np.array(0, dtype=np.float32), "none"))
    added = [
        helper.make_node("MatMul", ["x", "w1"], ["h1"]),
        helper.make_node("Tanh", ["h1"], ["h2"]),
        helper.make_node("MatMul", ["h2", "w2"], ["h3"]),
        helper.make_node("Tanh", ["h3"], ["h4"]),
        helper.make_node("ReduceSum", ["h4", "axis"], ["h5"], keepdims=0),
        helper.make_node("Mul", ["h5", "none"], ["zero"]),
        helper.make_node("Add", ["score", "zero"], ["slow_score"]),
    ]
    graph.graph.node.extend(added)
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info("slow_score", TensorProto.FLOAT, [None]))
    onnx.save(graph, directory / MODEL_NAME)
    edit_manifest(directory)


def scores(directory: Path, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a bundle's scores without an audit."""
    return OnnxModel(directory / MODEL_NAME, matrix.shape[1]).score(matrix)


def manifest_of(directory: Path) -> Manifest:
    """Return a bundle's manifest without an audit."""
    return decode_manifest((directory / MANIFEST_NAME).read_bytes())
