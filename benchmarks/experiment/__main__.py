"""Run the experiment and write its page and charts. Exits with code 1 if a step fails."""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from sklearn.metrics import average_precision_score

from benchmarks.experiment.candidates import CHALLENGER, CHAMPION, TWIN, candidates
from benchmarks.experiment.gate import reduce_false_positives, run_gate
from benchmarks.experiment.history import choose_policy, cohort_timing, simulate_history
from benchmarks.experiment.page import FLIPS_PICTURE, TEST_PICTURE, ExperimentResults, markdown
from benchmarks.experiment.pictures import draw_flips, draw_test
from benchmarks.experiment.rollback import promote_broken_bundle
from benchmarks.experiment.scores import cross_fitted
from deploy.demo.prepare import prepare
from schemas.errors import FraudError
from stream.evaluation.alpha import next_alpha
from training.commands.options import VAR
from training.data.dataset import load
from training.machine import describe_machine

DATA = VAR / "data" / "creditcard.parquet"


def main() -> int:
    """Run the experiment, write its page, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=VAR / "experiment", help="directory for the page and its charts")
    out: Path = parser.parse_args().out
    logging.getLogger("stream").setLevel(logging.ERROR)
    console = Console(stderr=True)
    try:
        with console.status("start") as status:
            results = _run(out, status.update)
    except FraudError as error:
        console.print(f"experiment: {error}", style="red", markup=False)
        return 1
    page = out / "experiment.md"
    page.write_text(markdown(results), encoding="utf-8")
    Console().print(page)
    return 0


def _run(out: Path, on_step: Callable[[str], None]) -> ExperimentResults:
    began, machine = time.monotonic(), describe_machine(())
    out.mkdir(parents=True, exist_ok=True)
    on_step("data and models")
    prepare()
    data = load(DATA)
    data = data.part(np.flatnonzero(~data.repeat))
    models, descriptions = candidates()
    scores = cross_fitted(data, models, on_step)
    timing, alpha = cohort_timing(data), next_alpha([])
    policies = {name: choose_policy(data, scores[name], timing, name) for name in scores}
    on_step("the gate")
    paths = []
    for champion, challenger in ((CHAMPION, CHALLENGER), (CHALLENGER, TWIN)):
        pairs = simulate_history(data, scores[champion], scores[challenger], (policies[champion], policies[challenger]))
        paths.append(run_gate(challenger, pairs, timing, alpha))
        if challenger == CHALLENGER:
            reduction = reduce_false_positives(pairs, timing)
    draw_test(paths, out / TEST_PICTURE)
    draw_flips(paths[0], out / FLIPS_PICTURE)
    on_step("rollback of a broken champion on a real Kafka")
    with tempfile.TemporaryDirectory(prefix="fraud-experiment-") as directory:
        rollback = promote_broken_bundle(Path(directory))
    return ExperimentResults(
        descriptions=descriptions,
        pr_auc={name: float(average_precision_score(data.label, scores[name])) for name in scores},
        rows=len(data),
        frauds=int(data.label.sum()),
        challenger=paths[0],
        twin=paths[1],
        reduction=reduction,
        rollback=rollback,
        machine=machine,
        seconds=time.monotonic() - began,
    )


if __name__ == "__main__":
    sys.exit(main())
