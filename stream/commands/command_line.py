"""Code shared by all command lines: lazily imported commands, exit codes and one-line errors."""

import importlib
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from schemas.errors import FraudError

#: Exit codes besides 0 and click's 2 for bad usage.
FAILED = 1
INTERRUPTED = 130

#: Decorator for a command line, which then prints its name and version for `--version`.
version_option = click.version_option(package_name="fraud-stream", message="%(prog)s %(version)s")


def examples(*lines: str) -> str:
    """Return an epilog for a help text that shows these command lines as examples."""
    # A backspace on a line of its own keeps click from re-wrapping the paragraph that follows.
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


@contextmanager
def until_stopped() -> Iterator[None]:
    """Run a block that has no end of its own: Ctrl-C and SIGTERM end it without an error.

    For commands that leave nothing to complete; a program with batches in flight uses `stream.runtime.program`.
    """
    # Without a handler, SIGTERM ends Python without any clean-up, and does nothing to process 1 of a container. SIGINT
    # gets one too, because a shell without job control starts background processes with SIGINT ignored.
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class LazyGroup(click.Group):
    """A group that imports a command only when it runs, so a worker does not load packages that other commands need.

    `--help` imports no command either. The help of one command imports its module, so imports that take seconds, and
    imports of packages from an extra, belong in a module that the command's function imports.

    Args:
        lazy: Location of each command, `module:attribute`, and its one-line description, by command name.
        options: Keyword arguments for `click.Group`.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click defines the parameters
        """Return the names of all commands, sorted."""
        return sorted(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Import and return a command; return None if no command has that name."""
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of all commands with their one-line descriptions."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._lazy[name][1]) for name in self.list_commands(ctx)])


def run(command: click.Command, name: str) -> NoReturn:
    """Run a command line and exit: 0 on success, 1 on failure with a one-line error, 2 on wrong usage, 130 on Ctrl-C.

    Args:
        command: Command or group to run with the process's arguments.
        name: Name of the program, with which error lines begin.
    """
    try:
        sys.exit(command.main(prog_name=name, standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FraudError as error:
        click.echo(f"{name}: {error}", err=True)
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{name}: interrupted", err=True)
        sys.exit(INTERRUPTED)
