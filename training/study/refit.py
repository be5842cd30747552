"""A study's chosen entry, fitted on the whole training split, calibrated and exported."""

from training.bundling.evaluated_model import EvaluatedModel, calibrate_and_export
from training.data.training_data import PreparedData
from training.evaluation.policy_choice import PolicyChoice
from training.study.entry_record import EntryRecord
from training.study.fitting import fit
from training.study.plan import Entry


def refit(record: EntryRecord, data: PreparedData, seed: int, choice: PolicyChoice) -> EvaluatedModel:
    """Fit an entry on the whole training split, then calibrate and export it.

    Args:
        record: Entry with its hyperparameters.
        data: Splits of the data. The labels of the test set are not used.
        seed: Seed of subsampling, treatment and model.
        choice: Rule that chooses the deployed policy.

    Raises:
        QualityError: If the scores of the model and its ONNX export differ.
        DataError: If the validation split has one class only, or is too short for the alert budget.
    """
    entry = Entry(record.family, record.treatment, 0, record.legitimate_share)
    fitted = fit(entry, record.params, data.training_data, slice(0, len(data.train)), seed)
    return calibrate_and_export(record.family, fitted.model, data, choice)
