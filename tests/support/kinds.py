"""Tells unit tests from integration tests by what each test uses, so no list of tests has to be maintained.

A unit test needs no Kafka and no Postgres, starts no program, and uses no fixture that is shared because its set-up is
slow. All other tests are integration tests.
"""

import functools
import sys
from pathlib import Path

import pytest

from tests.support.imports import ROOT, imports_of, is_within

#: Fixtures that start a broker, or use the one that the session shares.
BROKER_FIXTURES = frozenset({"bootstrap", "own_broker", "make_settings"})
#: Modules that start programs. A test that imports one of them, directly or through other modules in `tests`, is an
#: integration test.
STARTERS = ("multiprocessing", "playwright", "stream.local", "subprocess", "testcontainers")
#: Programs that a unit test must not start, by the names of their executables: Kafka runs in Java.
SERVERS = ("java", "initdb", "pg_ctl", "postgres")


def uses_broker(item: pytest.Item) -> bool:
    """Return whether a test depends on a broker through its fixtures."""
    return isinstance(item, pytest.Function) and not BROKER_FIXTURES.isdisjoint(item.fixturenames)


def is_unit_test(item: pytest.Item) -> bool:
    """Return whether a test is a unit test."""
    return not (uses_broker(item) or _uses_postgres(item) or _shares_set_up(item) or _starts_programs(item.path))


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


@functools.cache
def _starts_programs(file: Path) -> bool:
    """Return whether a file in `tests` imports one of `STARTERS`, directly or through other files in `tests`."""
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    names = {each.name for each in imports_of(module, file.read_text(encoding="utf-8"))}
    if any(is_within(name, STARTERS) for name in names):
        return True
    files = [ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names if is_within(name, ["tests"])]
    return any(_starts_programs(each) for each in files if each.exists())
