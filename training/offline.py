"""Export offline files: transactions as JSON lines for the stream, and the scores of all models with a role."""

from pathlib import Path
from typing import Literal, get_args

import polars as pl

from schemas.errors import DataError
from schemas.messages import encode
from stream.models.bundle import read_bundle
from stream.models.bundle_store import BundleStore
from stream.scoring.policy import VERDICTS, severities
from training.data.dataset import Dataset
from training.data.messages import transactions
from training.data.split import split_by_time
from training.registry.roles import TrainedRoles

Part = Literal["train", "validation", "test", "all"]
PARTS: tuple[Part, ...] = get_args(Part)


def part_of(rows: Dataset, part: Part) -> Dataset:
    """Return one split of the data, or all rows, in order of event time.

    Raises:
        DataError: If there are too few rows to split.
    """
    if part == "all":
        return rows
    chosen: Dataset = getattr(split_by_time(rows), part)
    return chosen


def export_stream(rows: Dataset, out: Path) -> None:
    """Write one transaction message per line. The file appears only when it is complete.

    Raises:
        DataError: If the file cannot be written.
    """
    scratch = _scratch(out)
    try:
        with scratch.open("wb") as file:
            file.writelines(encode(transaction) + b"\n" for transaction in transactions(rows))
        scratch.replace(out)
    except OSError as error:
        raise DataError(f"cannot write to {out} ({error.strerror})") from error


def export_scores(rows: Dataset, roles: TrainedRoles, store_url: str, out: Path) -> None:
    """Write a Parquet file of offline scores, against which the stream's decisions can be compared.

    Columns: transaction_id, label, amount_minor, and for each model `score_<version>` (float32) and
    `verdict_<version>`, the verdict under the model's own policy.

    Raises:
        BundleError: If a bundle does not pass its audit.
        DataError: If the file cannot be written.
    """
    store = BundleStore(store_url)
    columns: dict[str, object] = {
        "transaction_id": rows.transaction_id,
        "label": rows.label,
        "amount_minor": rows.amount_minor,
    }
    for ref in (roles.champion, *roles.challengers):
        model = read_bundle(store, ref)
        scores = model.onnx.score(rows.matrix(model.plan))
        columns[f"score_{ref.version}"] = scores
        verdicts = severities(scores, model.manifest.policy, rows.amount_minor)
        columns[f"verdict_{ref.version}"] = [VERDICTS[i] for i in verdicts]
    scratch = _scratch(out)
    try:
        pl.DataFrame(columns).write_parquet(scratch)
        scratch.replace(out)
    except OSError as error:
        raise DataError(f"cannot write to {out} ({error})") from error


def _scratch(out: Path) -> Path:
    return out.with_name(f".{out.name}.part")
