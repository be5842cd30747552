"""Run drills one after the other, all of them or those that are named, and print the results as one JSON object."""

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console

from benchmarks.disaster.drills import lose_broker, lose_bundles, lose_ledger, lose_worker
from benchmarks.disaster.site import RATE
from benchmarks.pipeline.inputs import BenchmarkInputs
from benchmarks.pipeline.prepare import prepare_inputs
from benchmarks.pipeline.programs import ROOT
from training.machine import Machine, describe_machine

DRILLS: dict[str, Callable[[BenchmarkInputs], Struct]] = {
    "ledger": lose_ledger,
    "worker": lose_worker,
    "bundles": lose_bundles,
    "broker": lose_broker,
}


class DrillResults(Struct, frozen=True):
    """Results by drill, and the machine on which the drills were run."""

    machine: Machine
    #: Transactions per second during each drill.
    rate: int
    results: dict[str, Struct]


def main() -> None:
    """Run the drills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drills", nargs="*", metavar="drill", help=f"any of {', '.join(DRILLS)}; by default all")
    names = parser.parse_args().drills or list(DRILLS)
    if unknown := set(names) - DRILLS.keys():
        parser.error(f"there is no drill {min(unknown)}")
    # What clients log about brokers that are gone belongs to the drills.
    logging.getLogger("stream").setLevel(logging.CRITICAL)
    machine = describe_machine(("confluent-kafka", "onnxruntime", "sqlalchemy"))
    with (
        tempfile.TemporaryDirectory(prefix="fraud-drills-") as scratch,
        Console(stderr=True).status("preparing") as status,
    ):
        inputs = prepare_inputs(ROOT / "var", Path(scratch), status.update)
        results = {}
        for name in names:
            status.update(f"drill: lost {name}")
            results[name] = DRILLS[name](inputs)
    text = msgspec.json.format(msgspec.json.encode(DrillResults(machine, RATE, results)), indent=1)
    sys.stdout.write(text.decode() + "\n")


if __name__ == "__main__":
    main()
