"""A command is imported only when it runs, and without importing any other command."""

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import click
import pytest

import stream.cli
import stream.commands
import training.cli
import training.commands

HEAVY = ("numpy", "onnxruntime", "faust", "polars", "mlflow", "stream.local.broker", "stream.replay")


@pytest.mark.parametrize(
    ("program", "command"),
    [("stream", "topics"), ("stream", "tail"), ("stream", "worker"), ("training", "publish"), ("training", "study")],
)
def test_the_help_of_a_command_imports_nothing_slow(program: str, command: str) -> None:
    """Showing a command's help loads no slow package, which every start of a worker and every script would wait for."""
    code = f"""
import sys
import click
from {program}.cli import cli
assert cli.get_command(click.Context(cli), "{command}").help
print(*(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize(("program", "package"), [(stream.cli, stream.commands), (training.cli, training.commands)])
def test_every_command_is_listed(program: ModuleType, package: ModuleType) -> None:
    """Every command that is not part of a group is listed in the program's help."""
    defined: dict[str, click.Command] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for attribute, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, click.Command) and getattr(value.callback, "__module__", "") == module.name:
                defined[f"{module.name}:{attribute}"] = value
    in_groups = [
        each for group in defined.values() if isinstance(group, click.Group) for each in group.commands.values()
    ]
    assert {location for location, command in defined.items() if command not in in_groups} == set(
        program.COMMANDS.values()
    )
