"""The chosen entry once more: fitted on the whole training part and finished."""

from training.bundling.build_bundle import Finished, finish
from training.data.training_data import PreparedParts
from training.evaluation.costs import Costs
from training.evaluation.operating_points import PolicyKind
from training.study.fitting import fit
from training.study.plan import Entry
from training.study.record import EntryRecord


def refit(record: EntryRecord, data: PreparedParts, seed: int, *, kind: PolicyKind, costs: Costs) -> Finished:
    """Fit and finish an entry.

    Args:
        record: The entry, with the params that were found.
        data: The parts. The test part's labels stay sealed.
        seed: Of subsampling, treatment and model.
        kind: Of the deployed policy.
        costs: It is chosen by.

    Raises:
        QualityError: If ONNX and the original differ.
    """
    entry = Entry(record.family, record.treatment, 0, record.legitimate_share)
    fitted = fit(entry, record.params, data.training_data, slice(0, len(data.train)), seed)
    return finish(record.family, fitted.model, data, kind=kind, costs=costs)
