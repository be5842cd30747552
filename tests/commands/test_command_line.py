"""Commands are loaded when they are named, and no other with them."""

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
def test_a_command_loads_what_it_needs_to_explain_itself(program: str, command: str) -> None:
    """Nothing that takes long: a worker's start and each call of a script wait for it."""
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
def test_no_command_is_forgotten(program: ModuleType, package: ModuleType) -> None:
    """What is written as a command, and is none of a group's, has a name in the program's table."""
    written: dict[str, click.Command] = {}
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for attribute, value in vars(importlib.import_module(found.name)).items():
            if isinstance(value, click.Command) and getattr(value.callback, "__module__", "") == found.name:
                written[f"{found.name}:{attribute}"] = value
    below = [each for group in written.values() if isinstance(group, click.Group) for each in group.commands.values()]
    assert {place for place, command in written.items() if command not in below} == set(program.COMMANDS.values())
