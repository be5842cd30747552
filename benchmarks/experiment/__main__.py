"""The experiment from cross-fitted scores to a page. Exit code 1 when something fails."""

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

from benchmarks.experiment.candidates import CHALLENGER, CHAMPION, TWIN, contestants
from benchmarks.experiment.gate import reduction, walk
from benchmarks.experiment.history import live, policy_of, timing_of
from benchmarks.experiment.page import FLIPS_PICTURE, TEST_PICTURE, Findings, markdown
from benchmarks.experiment.pictures import draw_flips, draw_test
from benchmarks.experiment.rollback import promote_a_broken_one
from benchmarks.experiment.scores import cross_fitted
from deploy.demo.prepare import prepare
from schemas.errors import FraudError
from stream.evaluation.alpha import next_alpha
from training.commands.options import VAR
from training.data.dataset import load
from training.machine import describe_machine

DATA = VAR / "data" / "creditcard.parquet"


def main() -> int:
    """Run the experiment and write the page; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=VAR / "experiment", help="directory of the page and its pictures")
    out: Path = parser.parse_args().out
    logging.getLogger("stream").setLevel(logging.ERROR)
    console = Console(stderr=True)
    try:
        with console.status("start") as status:
            found = _run(out, status.update)
    except FraudError as error:
        console.print(f"experiment: {error}", style="red", markup=False)
        return 1
    page = out / "experiment.md"
    page.write_text(markdown(found), encoding="utf-8")
    Console().print(page)
    return 0


def _run(out: Path, on_step: Callable[[str], None]) -> Findings:
    began, machine = time.monotonic(), describe_machine(())
    out.mkdir(parents=True, exist_ok=True)
    on_step("data and models")
    prepare()
    data = load(DATA)
    data = data.part(np.flatnonzero(~data.repeat))
    taking_part, words = contestants()
    scores = cross_fitted(data, taking_part, on_step)
    timing, alpha = timing_of(data), next_alpha([])
    policies = {name: policy_of(data, scores[name], timing, name) for name in scores}
    on_step("the gate")
    paths = []
    for one, other in ((CHAMPION, CHALLENGER), (CHALLENGER, TWIN)):
        pairs = live(data, scores[one], scores[other], (policies[one], policies[other]))
        paths.append(walk(other, pairs, timing, alpha))
        if other == CHALLENGER:
            less = reduction(pairs, timing)
    draw_test(paths, out / TEST_PICTURE)
    draw_flips(paths[0], out / FLIPS_PICTURE)
    on_step("a broken challenger on a real Kafka")
    with tempfile.TemporaryDirectory(prefix="fraud-experiment-") as directory:
        rolled_back = promote_a_broken_one(Path(directory))
    return Findings(
        words=words,
        pr_auc={name: float(average_precision_score(data.label, scores[name])) for name in scores},
        rows=len(data),
        frauds=int(data.label.sum()),
        challenger=paths[0],
        twin=paths[1],
        reduction=less,
        rolled_back=rolled_back,
        machine=machine,
        seconds=time.monotonic() - began,
    )


if __name__ == "__main__":
    sys.exit(main())
