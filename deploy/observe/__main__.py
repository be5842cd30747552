"""Run everything until Ctrl-C, and say where it is. Exit code 1 when something does not start."""

import argparse
import contextlib
import logging
import signal
import sys
import tempfile
import threading
from pathlib import Path

from rich.console import Console

from deploy.demo.prepare import MESSAGES, prepare
from deploy.observe.feed import RATE, Feed
from deploy.observe.monitors import watching
from deploy.observe.programs import addresses, settings_for, stack
from schemas.errors import FraudError
from stream.local.broker import LocalBroker
from training.commands.options import ROLES, VAR
from training.registry.roles import load_roles

FAILED = 1
#: What a person opens, by what runs.
_PAGES = {"worker": "/metrics", "ledger": "/metrics", "http": "/", "node": "/metrics"}


def main() -> int:
    """Run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.observe", description=__doc__)
    parser.add_argument("--roles", type=Path, help=f"which models play  [default: {ROLES}, trained if need be]")
    parser.add_argument("--transactions", type=Path, help=f"JSON, one a line  [default: {MESSAGES}]")
    parser.add_argument("--out", type=Path, default=VAR / "observe", help="directory of configuration and logs")
    given = parser.parse_args()
    # Said outright: a shell without job control starts what it runs aside with SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # What the Kafka client tries again by itself is no news here.
    logging.getLogger("stream").setLevel(logging.ERROR)
    try:
        if given.roles is None or given.transactions is None:
            prepare()
        _observe(given.roles or ROLES, given.transactions or MESSAGES, given.out)
    except (FraudError, OSError) as error:
        Console(stderr=True).print(f"observe: {error}", style="red", markup=False)
        return FAILED
    except KeyboardInterrupt:  # the way to end it, whatever it was about
        return 0
    return 0


def _observe(roles_file: Path, transactions: Path, out: Path) -> None:
    console = Console(stderr=True, soft_wrap=True)
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    roles, messages = load_roles(roles_file), transactions.read_bytes().splitlines()
    with tempfile.TemporaryDirectory(prefix="fraud-observe-", ignore_cleanup_errors=True) as directory:
        scratch = Path(directory)
        with contextlib.ExitStack() as exits:
            status = exits.enter_context(console.status("Starting"))
            broker = LocalBroker(scratch / "kafka", on_step=status.update)
            settings = settings_for(roles, broker, scratch)
            programs = addresses(settings)
            # First: Prometheus takes seconds to take its targets up, which the programs need to start.
            monitors = exits.enter_context(watching(programs, scratch, out, console.print))
            exits.enter_context(stack(settings, roles, broker, out, status.update))
            exits.enter_context(Feed(settings, messages))
            status.stop()
            for name, address in {**programs, **monitors}.items():
                print(f"{name:<12} http://{address}{_PAGES.get(name, '/')}", flush=True)  # noqa: T201 - the output
            console.print(f"{RATE} transactions a second; logs and configuration are in {out}; Ctrl-C ends it all")
            threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
