"""Tells unit tests from integration tests by what each test uses, so no list of tests has to be maintained.

A unit test needs no Kafka and no Postgres, starts no program, imports no library that trains models, registers or plots
them, and uses no fixture that is shared because its set-up is slow. All other tests are integration tests.
"""

import functools
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.imports import OUTSIDE, PACKAGES, ROOT, imports_of, modules_of

#: Fixtures that start a broker, or use the one that the session shares.
BROKER_FIXTURES = frozenset({"bootstrap", "own_broker", "make_settings"})
#: Modules that start programs. A test that imports one of them, directly or through other modules in `tests`, is an
#: integration test.
STARTERS = ("multiprocessing", "playwright", "stream.local", "subprocess", "testcontainers", "training.data.fetch")
#: Libraries that take seconds to import and minutes to test. A test that imports one of them, directly or through other
#: modules of ours, is an integration test.
SLOW_LIBRARIES = frozenset({"imblearn", "lightgbm", "matplotlib", "mlflow", "optuna", "skl2onnx", "xgboost"})
#: Programs that a unit test must not start, by the names of their executables: Kafka runs in Java.
SERVERS = ("java", "initdb", "pg_ctl", "postgres")

_FILES = modules_of((*PACKAGES, *OUTSIDE))


def uses_broker(item: pytest.Item) -> bool:
    """Return whether a test depends on a broker through its fixtures."""
    return isinstance(item, pytest.Function) and not BROKER_FIXTURES.isdisjoint(item.fixturenames)


def is_unit_test(item: pytest.Item) -> bool:
    """Return whether a test is a unit test. A test marked as an integration test is none."""
    if item.get_closest_marker("integration"):
        return False
    return may_have_unit_tests(item.path) and not (uses_broker(item) or _uses_postgres(item) or _shares_set_up(item))


@functools.cache
def may_have_unit_tests(path: Path) -> bool:
    """Return whether a test file, or any test file in a folder, imports only what unit tests may import."""
    if path.is_dir():
        return any(map(may_have_unit_tests, path.rglob("test_*.py")))
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    folders = module.split(".")[:-1]
    # The root's conftest.py defines the fixtures that start brokers; it does not count.
    conftests = [".".join((*folders[:depth], "conftest")) for depth in range(2, len(folders) + 1)]
    modules = [module, *(each for each in conftests if each in _FILES)]
    return not (_reach(modules, ("tests",), STARTERS) or any(map(imports_slow_library, modules)))


@functools.cache
def imports_slow_library(module: str) -> bool:
    """Return whether importing a module of ours imports a slow library, directly or through other modules of ours."""
    return _reach([module], (*PACKAGES, *OUTSIDE), SLOW_LIBRARIES)


def forbid_servers() -> None:
    """Make every later attempt of this process to start a Kafka broker or Postgres an error."""
    sys.addaudithook(_refuse_servers)


def _refuse_servers(event: str, arguments: tuple[object, ...]) -> None:
    if event == "subprocess.Popen" and Path(str(arguments[0])).name in SERVERS:
        raise RuntimeError(f"a unit test started {arguments[0]}; see tests.support.kinds for what makes it one")


def _uses_postgres(item: pytest.Item) -> bool:
    """Return whether a test creates a database by `new_url` on anything but SQLite."""
    if not isinstance(item, pytest.Function) or "new_url" not in item.fixturenames:
        return False
    return not hasattr(item, "callspec") or "sqlite" not in item.callspec.params.values()


def _shares_set_up(item: pytest.Item) -> bool:
    """Return whether several tests share one of a test's fixtures, other than those of plugins."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = [each[-1] for each in info.name2fixturedefs.values()] if info else []
    return any(each.scope != "function" and each.func.__module__.startswith("tests.") for each in definitions)


def _reach(modules: Iterable[str], through: Iterable[str], targets: Iterable[str]) -> bool:
    """Return whether importing our modules imports a target, directly or through modules of the given packages."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        names = _imports(module)
        if not names.isdisjoint(targets):
            return True
        waiting += [name for name in names if name in _FILES and name.partition(".")[0] in through]
    return False


@functools.cache
def _imports(module: str) -> frozenset[str]:
    """Return the names of everything that a module of ours imports when it is imported, with their packages."""
    names = [each.name for each in imports_of(module, _FILES[module].read_text(encoding="utf-8")) if each.at_start]
    split = [name.split(".") for name in names]
    return frozenset(".".join(each[:depth]) for each in split for depth in range(1, len(each) + 1))
