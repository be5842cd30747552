"""Small real bundles for tests: a logistic model in ONNX, built node by node so that tests need no training."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from schemas.manifest import (
    MANIFEST_NAME,
    MODEL_NAME,
    Feature,
    Manifest,
    MissingPolicy,
    NaturalMovement,
    Parity,
    ReferenceProfile,
    TrainingWindow,
    VerdictReference,
    encode_manifest,
)
from schemas.messages import BundleRef, Policy
from stream.models.bundle_store import BundleStore
from stream.models.onnx_session import OnnxModel

#: The features of every test transaction.
NUMERIC = ("V1", "V2", "V3")
POLICY = Policy("1", review=0.5, decline=0.9)


def logistic_onnx(weights: NDArray[np.float32], bias: float) -> bytes:
    """Return an ONNX graph of sigmoid(x·w + b) with input float32 (n, k) and output float32 (n,)."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["margin"]),
        helper.make_node("Add", ["margin", "b"], ["shifted"]),
        helper.make_node("Sigmoid", ["shifted"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "logistic",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, len(weights)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array(bias, dtype=np.float32), "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    raw: bytes = model.SerializeToString()
    return raw


def put_bundle(
    store: Path,
    version: str = "1",
    *,
    numeric: tuple[str, ...] = NUMERIC,
    weights: tuple[float, ...] | None = None,
    bias: float = -4.0,
    missing: MissingPolicy = "median",
    policy: Policy = POLICY,
    further: Mapping[Feature, float] = MappingProxyType({}),
    reference: bool = False,
) -> BundleRef:
    """Write a bundle into a store and return its reference.

    The score is sigmoid(Σ wᵢ·Vᵢ + bias), with weights of 1 by default; the amount has no weight. The features in
    `further` follow the amount, with their weights. With `reference`, the bundle contains reference profiles of the
    transactions from `traffic.transaction`.
    """
    features = (*(Feature(name, 0.0) for name in numeric), Feature("Amount", 1000.0, "amount_minor"), *further)
    w = np.array([*(weights or (1.0,) * len(numeric)), 0.0, *further.values()], dtype=np.float32)
    work = store.parent / f"making-{version}"
    work.mkdir(parents=True)
    (work / MODEL_NAME).write_bytes(logistic_onnx(w, bias))
    rows = np.random.default_rng(0).normal(size=(16, len(features))).astype(np.float32)
    scores = OnnxModel(work / MODEL_NAME, len(features)).score(rows)
    profiles, score_profile, verdicts = _reference(features, w, bias, policy) if reference else ({}, None, None)
    manifest = Manifest(
        name="fraud",
        version=version,
        algorithm="logistic regression",
        mlflow_run_id="none",
        created_at_ms=0,
        features=features,
        missing=missing,
        policy=policy,
        training_window=TrainingWindow(0, 1, 2, 1, "0" * 64),
        metrics={},
        reference=profiles,
        score_reference=score_profile,
        verdict_reference=verdicts,
        parity=Parity(tuple(map(tuple, rows.tolist())), tuple(scores.tolist())),
        files={MODEL_NAME: hashlib.sha256((work / MODEL_NAME).read_bytes()).hexdigest()},
    )
    raw = encode_manifest(manifest)
    (work / MANIFEST_NAME).write_bytes(raw)
    BundleStore(str(store)).put(work, f"fraud/{version}")
    return BundleRef("fraud", version, f"fraud/{version}", hashlib.sha256(raw).hexdigest())


def profile(values: NDArray[np.floating]) -> ReferenceProfile:
    """Return the reference profile of a column: deciles, quantiles, and very little natural movement."""
    edges = np.quantile(values, np.arange(1, 10) / 10)
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=10)
    quantiles = np.quantile(values, np.linspace(0, 1, 200))
    still = (NaturalMovement(rows=100, windows=100, psi=0.05, distance=0.05),)
    return ReferenceProfile(tuple(edges.tolist()), tuple(counts.tolist()), tuple(quantiles.tolist()), natural=still)


def _reference(
    features: tuple[Feature, ...], weights: NDArray[np.float32], bias: float, policy: Policy
) -> tuple[dict[str, ReferenceProfile], ReferenceProfile, VerdictReference]:
    rng = np.random.default_rng(1)
    rows = rng.normal(0, 2, size=(20_000, len(features)))
    rows[:, [feature.kind == "amount_minor" for feature in features]] = rng.integers(1, 100_000, size=(20_000, 1))
    scores = 1 / (1 + np.exp(-(rows @ weights + bias)))
    declined, alerted = int((scores >= policy.decline).sum()), int((scores >= policy.review).sum())
    verdicts = VerdictReference(len(scores) - alerted, alerted - declined, declined)
    return {f.name: profile(c) for f, c in zip(features, rows.T, strict=True)}, profile(scores), verdicts
