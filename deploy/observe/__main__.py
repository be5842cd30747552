"""Run all programs with traffic and monitoring until Ctrl-C, and print their addresses.

The exit code is 1 if a program fails.
"""

import argparse
import contextlib
import logging
import sys
import tempfile
import threading
from pathlib import Path

from rich.console import Console

from deploy.demo.prepare import MESSAGES, prepare
from deploy.observe.monitors import running_monitors
from deploy.observe.programs import addresses, make_stack, settings_for
from deploy.observe.traffic import RATE, TrafficGenerator
from schemas.errors import FraudError
from stream.commands.command_line import until_stopped
from stream.local.broker import LocalBroker
from training.commands.options import ROLES, VAR
from training.registry.roles import load_roles

FAILED = 1
#: Page to open in a browser, by program.
_PAGES = {"worker": "/metrics", "ledger": "/metrics", "http": "/", "node": "/metrics"}


def main() -> int:
    """Run everything and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.observe", description=__doc__)
    parser.add_argument("--roles", type=Path, help=f"roles file  [default: {ROLES}, trained if it is missing]")
    parser.add_argument("--transactions", type=Path, help=f"JSON transactions, one per line  [default: {MESSAGES}]")
    parser.add_argument("--out", type=Path, default=VAR / "observe", help="directory for configuration and logs")
    options = parser.parse_args()
    # Hide the Kafka client's messages about retries.
    logging.getLogger("stream").setLevel(logging.ERROR)
    try:
        with until_stopped():
            if options.roles is None or options.transactions is None:
                prepare()
            _observe(options.roles or ROLES, options.transactions or MESSAGES, options.out)
    except (FraudError, OSError) as error:
        Console(stderr=True).print(f"observe: {error}", style="red", markup=False)
        return FAILED
    return 0


def _observe(roles_file: Path, transactions: Path, out: Path) -> None:
    console = Console(stderr=True, soft_wrap=True)
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    roles, messages = load_roles(roles_file), transactions.read_bytes().splitlines()
    with tempfile.TemporaryDirectory(prefix="fraud-observe-", ignore_cleanup_errors=True) as directory:
        scratch = Path(directory)
        with contextlib.ExitStack() as running:
            status = running.enter_context(console.status("Starting"))
            broker = LocalBroker(scratch / "kafka", on_step=status.update)
            settings = settings_for(roles, broker, scratch)
            programs = addresses(settings)
            # Start the monitors first: Prometheus takes seconds to discover its targets, while the programs start.
            monitors = running.enter_context(running_monitors(programs, scratch, out, console.print))
            running.enter_context(make_stack(settings, roles, broker, out, status.update))
            running.enter_context(TrafficGenerator(settings, messages))
            status.stop()
            for name, address in {**programs, **monitors}.items():
                print(f"{name:<12} http://{address}{_PAGES.get(name, '/')}", flush=True)  # noqa: T201 - the output
            console.print(
                f"{RATE} transactions per second; logs and configuration are in {out}; Ctrl-C stops everything"
            )
            threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
