"""Compute the model, and print its page or write it to a directory."""

import argparse
import sys
from pathlib import Path

from benchmarks.availability.model import read_inputs
from benchmarks.availability.page import markdown

INPUTS = Path(__file__).with_name("faults.yaml")
PAGE = "availability.md"


def main() -> None:
    """Print the page, or write it to the directory that `--out` names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=Path, default=INPUTS, help="file with rates and durations")
    parser.add_argument("--out", type=Path, help="directory for the page; by default it is printed")
    options = parser.parse_args()
    page = markdown(read_inputs(options.faults))
    if options.out:
        (options.out / PAGE).write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
