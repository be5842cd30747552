"""A command is imported only when it runs, without any other command; help imports nothing slow."""

import importlib
import inspect
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
import training.commands.jobs
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


def _imported(module: str, command: str, *arguments: str) -> set[str]:
    """Return which slow libraries a command imports."""
    code = f"""
import sys
from {module} import {command} as command
command.main({arguments!r}, standalone_mode=False)
print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage:")
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("module", "command"),
    [("stream.cli", "cli"), ("training.cli", "cli"), ("benchmarks.training.__main__", "bench")],
)
def test_help_imports_nothing_slow(module: str, command: str) -> None:
    """`fraud-stream --help`, `fraud-train --help` and `python -m benchmarks.training --help` appear at once."""
    assert _imported(module, command, "--help") == set()


@pytest.mark.parametrize(
    ("program", "command"),
    [
        *(("stream", command) for command in ("archive", "compare", "http", "worker")),
        *(("training", command) for command in ("baseline", "drift-report", "evaluate", "promote", "study", "watch")),
    ],
)
def test_the_help_of_a_long_command_imports_nothing_slow(program: str, command: str) -> None:
    """Programs and long jobs import what they need after their options are parsed, so bad usage is reported at once."""
    assert _imported(f"{program}.cli", "cli", command, "--help") == set()


@pytest.mark.parametrize(
    ("program", "command"),
    [("stream", "topics"), ("stream", "models"), ("training", "publish"), ("training", "export-stream")],
)
def test_the_help_of_a_short_command_imports_only_its_own_libraries(program: str, command: str) -> None:
    """A short command imports at the top, but nothing that takes seconds."""
    assert _imported(f"{program}.cli", "cli", command, "--help") <= set(NEEDED[program])


@pytest.mark.parametrize("program", [stream.cli, training.cli])
def test_the_list_of_commands_fits_a_terminal(program: ModuleType) -> None:
    """At 80 columns, each command's description is complete and on the line of its name."""
    lines = [" ".join(line.split()) for line in program.cli.get_help(click.Context(program.cli)).splitlines()]
    for name, (_, description) in program.COMMANDS.items():
        assert f"{name} {description}" in lines


@pytest.mark.parametrize(
    "name", [each.name for each in pkgutil.iter_modules(training.commands.jobs.__path__) if each.name != "inputs"]
)
def test_a_job_has_a_parameter_for_each_option(name: str) -> None:
    """A command passes its options on by name, so each is a parameter of the job or of the command's own function."""
    module = importlib.import_module(f"training.commands.jobs.{name}")
    (job,) = (
        each
        for attribute, each in vars(module).items()
        if inspect.isfunction(each) and each.__module__ == module.__name__ and not attribute.startswith("_")
    )
    command = training.cli.cli.get_command(click.Context(training.cli.cli), name.replace("_", "-"))
    assert command
    assert command.callback
    options = {each.name for each in command.params}
    own = set(inspect.signature(command.callback).parameters) - {"options"}
    parameters = set(inspect.signature(job).parameters)
    assert options - own <= parameters
    assert parameters - options <= {"console", "started"}, "which the command adds"


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
    assert {location for location, command in defined.items() if command not in in_groups} == {
        location for location, _ in program.COMMANDS.values()
    }
