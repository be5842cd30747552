"""Straightforward scoring for the baselines, with dictionaries as input and output and orjson to decode and encode.

Decisions and shadow scores equal the worker's byte for byte, except for the clock fields. Nothing is validated and
there are no dead letters, so a baseline does less work than the worker, never more.
"""

import hashlib
import time
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.pipeline.baselines.job import Job
from schemas.manifest import MANIFEST_NAME, MODEL_NAME, decode_manifest
from stream.models.onnx_runtime import ort
from stream.scoring.features import FeaturePlan, Matrix
from stream.scoring.policy import VERDICTS, severities, thresholds
from stream.scoring.reasons import explain


class SourceOffset(NamedTuple):
    """Topic, partition and offset of a transaction."""

    topic: str
    partition: int
    offset: int


class PlainOutputs(NamedTuple):
    """Keys and encoded messages to produce to each topic."""

    decisions: list[tuple[str, bytes]]
    alerts: list[tuple[str, bytes]]
    shadow_scores: list[tuple[str, bytes]]


class PlainModel:
    """The model in a bundle, loaded without an audit into a single-threaded ONNX session like the worker's."""

    def __init__(self, directory: str) -> None:
        raw = (Path(directory) / MANIFEST_NAME).read_bytes()
        self.manifest = decode_manifest(raw)
        self.sha256 = hashlib.sha256(raw).hexdigest()
        self.plan = FeaturePlan(self.manifest.features, self.manifest.missing)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(
            str(Path(directory) / MODEL_NAME), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def score(self, matrix: Matrix) -> NDArray[np.float32]:
        """Return the scores (n,) of a feature matrix (n, n_features)."""
        scores: NDArray[np.float32] = self._session.run(None, {self._input: matrix})[0]
        return scores

    def check_parity(self) -> None:
        """Do nothing, because baselines trust the bundle; the `Model` protocol requires this method."""


class PlainScorer:
    """Scores batches with champion and challengers, which all use the champion's feature matrix."""

    def __init__(self, job: Job) -> None:
        self._champion = PlainModel(job.champion)
        self._challengers = [PlainModel(directory) for directory in job.challengers]
        self._role_epoch = job.role_epoch
        self._max_reasons = job.max_reasons
        self._engine = job.engine
        self._values = itemgetter(*self._champion.plan.numeric)

    def score(self, values: Sequence[bytes], sources: Sequence[SourceOffset], read_at: float) -> PlainOutputs:
        """Return the outputs for a batch.

        Args:
            values: The batch's n encoded transactions.
            sources: Source offset of each of the n transactions.
            read_at: Time at which the batch was read, in monotonic seconds.
        """
        transactions = [orjson.loads(value) for value in values]
        amounts = np.array([each["amount_minor"] for each in transactions], dtype=np.int64)
        matrix = self._matrix(transactions, amounts)
        decisions = self._decide(transactions, sources, matrix, amounts, read_at)
        outputs = PlainOutputs([], [], [])
        for decision in decisions:
            row = (decision["card_id"], orjson.dumps(decision))
            outputs.decisions.append(row)
            if decision["verdict"] != "approve":
                outputs.alerts.append(row)
        for model in self._challengers:
            for shadow in self._shadow_scores(model, matrix, amounts, decisions):
                outputs.shadow_scores.append((shadow["card_id"], orjson.dumps(shadow)))
        return outputs

    def _matrix(self, transactions: Sequence[dict[str, Any]], amounts: NDArray[np.int64]) -> Matrix:
        plan = self._champion.plan
        numeric = np.array([self._values(each["features"]) for each in transactions], dtype=np.float64)
        codes = np.empty((len(transactions), len(plan.categorical)))
        for column, name in enumerate(plan.categorical):
            codes[:, column] = plan.codes(name, [each["features"][name] for each in transactions])
        times = np.array([each["event_time_ms"] for each in transactions], dtype=np.int64)
        return plan.matrix(numeric, codes, amounts, times)

    def _decide(
        self,
        transactions: Sequence[dict[str, Any]],
        sources: Sequence[SourceOffset],
        matrix: Matrix,
        amounts: NDArray[np.int64],
        read_at: float,
    ) -> list[dict[str, Any]]:
        now_ms = time.time_ns() // 1_000_000
        latency_ms = round((time.monotonic() - read_at) * 1000, 3)
        manifest, policy = self._champion.manifest, self._champion.manifest.policy
        scores = self._champion.score(matrix)
        verdicts = severities(scores, policy, amounts)
        alerts = np.flatnonzero(verdicts).tolist()
        reasons = dict(zip(alerts, self._explain(matrix, scores, alerts), strict=True))
        return [
            {
                "decision_id": f"{source.topic}/{source.partition}/{source.offset}@{self._role_epoch}",
                "transaction_id": transaction["transaction_id"],
                "card_id": transaction["card_id"],
                "event_time_ms": transaction["event_time_ms"],
                "score": score,
                "threshold": threshold,
                "verdict": VERDICTS[verdict],
                "model_name": manifest.name,
                "model_version": manifest.version,
                "bundle_sha256": self._champion.sha256,
                "policy_version": policy.version,
                "role_epoch": self._role_epoch,
                "arm": "champion",
                "propensity": 1.0,
                "reasons": reasons.get(i, ()),
                "source_topic": source.topic,
                "source_partition": source.partition,
                "source_offset": source.offset,
                "scored_at_ms": now_ms,
                "latency_ms": latency_ms,
                "amount_minor": transaction["amount_minor"],
                "currency": transaction["currency"],
                "engine": self._engine,
                "schema_version": 1,
            }
            for i, (transaction, source, score, threshold, verdict) in enumerate(
                zip(
                    transactions,
                    sources,
                    scores.tolist(),
                    thresholds(policy, amounts).tolist(),
                    verdicts.tolist(),
                    strict=True,
                )
            )
        ]

    def _explain(self, matrix: Matrix, scores: NDArray[np.float32], alerts: list[int]) -> list[list[dict[str, Any]]]:
        if not alerts:
            return []
        explained = explain(self._champion, matrix[alerts], scores[alerts], self._max_reasons)
        return [[{"feature": r.feature, "contribution": r.contribution} for r in reasons] for reasons in explained]

    def _shadow_scores(
        self, model: PlainModel, matrix: Matrix, amounts: NDArray[np.int64], decisions: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        manifest, scores = model.manifest, model.score(matrix)
        return [
            {
                "decision_id": decision["decision_id"],
                "transaction_id": decision["transaction_id"],
                "card_id": decision["card_id"],
                "event_time_ms": decision["event_time_ms"],
                "score": score,
                "threshold": threshold,
                "verdict": VERDICTS[verdict],
                "problem": None,
                "model_name": manifest.name,
                "model_version": manifest.version,
                "bundle_sha256": model.sha256,
                "role_epoch": self._role_epoch,
                "scored_at_ms": decision["scored_at_ms"],
                "policy_version": manifest.policy.version,
                "schema_version": 1,
            }
            for decision, score, threshold, verdict in zip(
                decisions,
                scores.tolist(),
                thresholds(manifest.policy, amounts).tolist(),
                severities(scores, manifest.policy, amounts).tolist(),
                strict=True,
            )
        ]
