"""Code shared by all command lines: lazily imported commands, exit codes and one-line errors."""

import importlib
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from schemas.errors import FraudError

#: Exit codes besides 0 and click's 2 for bad usage.
FAILED = 1
INTERRUPTED = 130


def examples(*lines: str) -> str:
    """Return an epilog for a help text that shows these command lines as examples."""
    # A backspace on a line of its own keeps click from re-wrapping the paragraph that follows.
    return "\n".join(("\b", "Example:", *(f"  {line}" for line in lines)))


class LazyGroup(click.Group):
    """A group that imports a command only when it runs, so a worker does not load packages that other commands need.

    Listing all commands, as `--help` does, imports all of them. Slow imports, and imports of packages from an extra,
    therefore belong inside a command's function.

    Args:
        lazy: Location of each command, `module:attribute`, by command name.
        options: Keyword arguments for `click.Group`.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*self._lazy, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; return None if no command has that name."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


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
