"""Made-up records of study entries."""

from training.models.resampling import Resampling
from training.study.entry_record import EntryRecord


def make_record(
    *by_fold: float, family: str = "xgboost", treatment: Resampling = "none", cost_us: float = 1.0
) -> EntryRecord:
    """Return the record of an entry that was fitted with one seed and has the given PR-AUCs by fold."""
    return EntryRecord(
        family=family,
        treatment=treatment,
        legitimate_share=1.0,
        params={"depth": 3},
        pr_auc=(by_fold,),
        seconds=1.0,
        cost_us=cost_us,
        fit_rows=100,
    )
