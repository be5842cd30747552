"""Check that a model gives its parity rows the scores in its manifest, and that there are enough of them."""

import numpy as np

from schemas.errors import ModelFaultError
from stream.models.bundle import LoadedModel
from training.validation.check import CheckResult, judged
from training.validation.thresholds import ParityLimits


def check_parity(model: LoadedModel, limits: ParityLimits) -> CheckResult:
    """Score the parity rows again.

    The audit does the same with the tolerance in the manifest; this check measures the difference, and does not rely on
    the number of rows or the tolerance that the bundle's writer chose.
    """
    parity = model.manifest.parity
    try:
        model.check_parity()
    except ModelFaultError as error:
        return judged("parity", [str(error)], "")
    scores = model.score(np.array(parity.rows, dtype=np.float32))
    difference = float(np.max(np.abs(scores - np.array(parity.scores))))
    problems = []
    if len(parity.rows) < limits.min_rows:
        problems.append(f"{len(parity.rows)} parity rows, fewer than {limits.min_rows}; export the bundle again")
    if difference > limits.max_difference:
        problems.append(f"a parity score differs by {difference:.3g}, more than {limits.max_difference:g}")
    text = f"the scores of {len(parity.rows)} rows differ by at most {difference:.3g}"
    return judged("parity", problems, text, {"rows": len(parity.rows), "difference": difference})
