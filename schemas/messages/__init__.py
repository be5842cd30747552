"""The messages on all topics, as frozen structs.

JSON Schema files generated from these structs are in `schemas/json/`; golden files for every version are in
`tests/golden/`. A change that an old reader cannot handle increases `schema_version`.
"""

import msgspec
from msgspec import Struct

from schemas.messages.dead_letter import DeadLetter, DeadLetterReplay
from schemas.messages.decision import Decision, Reason, ShadowScore
from schemas.messages.drift import AlertRate, ColumnDrift, DriftCounts, DriftReport, DriftState
from schemas.messages.fields import (
    AmountMinor,
    Count,
    Currency,
    Epoch,
    EventTimeMs,
    FeatureValue,
    Identifier,
    Sha256,
    Verdict,
)
from schemas.messages.label import Label
from schemas.messages.retraining import RetrainAnswer, RetrainRequest
from schemas.messages.roles import (
    AuditEvidence,
    BundleRef,
    Challenger,
    Exploration,
    GateEvidence,
    LinkedEvidence,
    ModelUpdate,
    Policy,
    RoleAction,
    RollbackEvidence,
)
from schemas.messages.status import ModelCounts, RoleCounts, WorkerStatus
from schemas.messages.transaction import Transaction

__all__ = [
    "PUBLIC",
    "AlertRate",
    "AmountMinor",
    "AuditEvidence",
    "BundleRef",
    "Challenger",
    "ColumnDrift",
    "Count",
    "Currency",
    "DeadLetter",
    "DeadLetterReplay",
    "Decision",
    "DriftCounts",
    "DriftReport",
    "DriftState",
    "Epoch",
    "EventTimeMs",
    "Exploration",
    "FeatureValue",
    "GateEvidence",
    "Identifier",
    "Label",
    "LinkedEvidence",
    "ModelCounts",
    "ModelUpdate",
    "Policy",
    "Reason",
    "RetrainAnswer",
    "RetrainRequest",
    "RoleAction",
    "RoleCounts",
    "RollbackEvidence",
    "Sha256",
    "ShadowScore",
    "Transaction",
    "Verdict",
    "WorkerStatus",
    "encode",
]

#: Messages that other programs read and write; each has a JSON Schema file.
PUBLIC: dict[str, type[Struct]] = {
    "transaction": Transaction[dict[str, FeatureValue]],
    "decision": Decision,
    "shadow-score": ShadowScore,
    "label": Label,
    "dead-letter": DeadLetter,
    "dead-letter-replay": DeadLetterReplay,
    "model-update": ModelUpdate,
    "worker-status": WorkerStatus,
    "role-counts": RoleCounts,
    "drift-counts": DriftCounts,
    "drift-report": DriftReport,
    "retrain-request": RetrainRequest,
}

_encoder = msgspec.json.Encoder()


def encode(message: Struct) -> bytes:
    """Encode a message as JSON bytes."""
    return _encoder.encode(message)
