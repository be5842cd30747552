"""Code shared by all command lines: lazily imported commands, exit codes and one-line errors."""

import ast
import importlib
import importlib.resources
import sys
from collections.abc import Mapping
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


class LazyGroup(click.Group):
    """A group that imports a command only when it runs, so a worker does not load packages that other commands need.

    `--help` imports no command either: it reads their one-line descriptions from the source files. The help of one
    command imports its module, so imports that take seconds, and imports of packages from an extra, belong in a module
    that the command's function imports.

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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of all commands with their one-line descriptions."""
        width = formatter.width - 6 - max(map(len, self._lazy))
        with formatter.section("Commands"):
            formatter.write_dl([(name, _one_line_help(self._lazy[name], width)) for name in self.list_commands(ctx)])


def _one_line_help(location: str, width: int) -> str:
    """Return a command's `short_help` or, without one, the start of its docstring, without importing the command.

    Args:
        location: Location of the command, `module:function`.
        width: Maximum number of characters.
    """
    module, _, name = location.partition(":")
    package, _, file = module.rpartition(".")
    source = importlib.resources.files(package).joinpath(f"{file}.py").read_text(encoding="utf-8")
    (function,) = (each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef) and each.name == name)
    options = [option for each in function.decorator_list if isinstance(each, ast.Call) for option in each.keywords]
    short_help = next((ast.literal_eval(option.value) for option in options if option.arg == "short_help"), None)
    return click.Command(name, help=ast.get_docstring(function), short_help=short_help).get_short_help_str(width)


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
