"""Commands are loaded when they are named, and no other with them."""

import subprocess
import sys

import pytest

HEAVY = ("numpy", "onnxruntime", "faust", "polars", "mlflow", "jgo")


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
