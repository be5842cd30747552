"""docs/cli.md: the help texts of `fraud-stream` and `fraud-train`, from click."""

from collections.abc import Iterator

import click

import stream.cli
import training.cli
from deploy.reference.markdown import head

_INTRODUCTION = """
Both commands exit with 0 on success, 1 on failure with a one-line error, 2 on wrong usage and 130 if Ctrl-C interrupts
them. For a command that runs until it is stopped, Ctrl-C is the normal end, with exit code 0.
[Settings](settings.md) are environment variables and apply to every command.
"""
#: Width of the help texts in columns, which fits the site's code blocks.
_WIDTH = 96
PROGRAMS: dict[str, click.Command] = {"fraud-stream": stream.cli.cli, "fraud-train": training.cli.cli}


def page() -> str:
    """Return the text of docs/cli.md."""
    blocks = [head("Command line", "the commands' help texts", _INTRODUCTION)]
    for name, program in PROGRAMS.items():
        for path, context in _commands(name, program):
            level = "##" if path == name else "###"
            blocks.append(f"{level} {path}\n\n```text\n{context.command.get_help(context).strip()}\n```\n")
    return "\n".join(blocks)


def _commands(
    name: str, command: click.Command, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Context]]:
    """Yield the path and context of a command and of all its subcommands, in alphabetical order."""
    context = click.Context(command, parent=parent, info_name=name, terminal_width=_WIDTH, **command.context_settings)
    yield context.command_path, context
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            subcommand = command.get_command(context, each)
            assert subcommand is not None  # noqa: S101 - the group has just listed it
            yield from _commands(each, subcommand, context)
