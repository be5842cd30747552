"""A command is imported only when it runs, without any other command; help imports nothing slow."""

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
from tests.support.imports import PACKAGES, imports_of, modules_of

#: Libraries that take from a tenth of a second (Kafka's client) to seconds (MLflow) to import.
HEAVY = (
    "confluent_kafka",
    "fastapi",
    "faust",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "numpy",
    "onnxruntime",
    "optuna",
    "pandas",
    "polars",
    "pyarrow",
    "sklearn",
    "sqlalchemy",
    "xgboost",
)
#: Libraries that the functions of these commands share with their options, so that their help imports them too.
NEEDED = {
    "stream": ("confluent_kafka", "numpy", "onnxruntime"),
    "training": ("confluent_kafka", "numpy", "onnxruntime", "polars"),
}
#: Maximum number of imports inside functions. Each one hides a dependency from readers of the top of the file.
MAX_IN_FUNCTION = 25


def _imported(program: str, *arguments: str) -> set[str]:
    """Return which slow libraries a command line imports."""
    code = f"""
import sys
from {program}.cli import cli
cli.main({arguments!r}, standalone_mode=False)
print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage:")
    return set(done.stderr.split())


@pytest.mark.parametrize("program", ["stream", "training"])
def test_help_imports_nothing_slow(program: str) -> None:
    """`fraud-stream --help` and `fraud-train --help` import no slow library."""
    assert _imported(program, "--help") == set()


@pytest.mark.parametrize(
    ("program", "command"),
    [
        *(("stream", command) for command in ("archive", "compare", "http", "worker")),
        *(("training", command) for command in ("baseline", "drift-report", "evaluate", "promote", "study", "watch")),
    ],
)
def test_the_help_of_a_long_command_imports_nothing_slow(program: str, command: str) -> None:
    """Programs and long jobs import what they need after their options are parsed, so bad usage is reported at once."""
    assert _imported(program, command, "--help") == set()


@pytest.mark.parametrize(
    ("program", "command"),
    [("stream", "topics"), ("stream", "models"), ("training", "publish"), ("training", "export-stream")],
)
def test_the_help_of_a_short_command_imports_only_its_own_libraries(program: str, command: str) -> None:
    """A short command imports at the top, but nothing that takes seconds."""
    assert _imported(program, command, "--help") <= set(NEEDED[program])


@pytest.mark.parametrize("program", [stream.cli, training.cli])
def test_the_list_of_commands_shows_each_commands_own_description(program: ModuleType) -> None:
    """The descriptions in the list, which are read from the source files, are those of the commands."""
    context = click.Context(program.cli, terminal_width=1000, max_content_width=1000)
    lines = [" ".join(line.split()) for line in program.cli.get_help(context).splitlines()]
    for name in program.COMMANDS:
        command = program.cli.get_command(context, name)
        assert f"{name} {command.get_short_help_str(1000)}" in lines


def test_there_are_few_imports_inside_functions() -> None:
    """Imports stand at the top of their file, except for those of extras and of long jobs."""
    folders = modules_of([*PACKAGES, "benchmarks", "deploy"])
    lines = [
        f"{module}:{line}"
        for module, file in folders.items()
        for line in sorted({each.line for each in imports_of(module, file.read_text("utf-8")) if not each.at_start})
    ]
    assert len(lines) <= MAX_IN_FUNCTION, "\n".join(lines)


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
