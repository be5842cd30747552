"""The project's Python files and the imports in them, read from the source text."""

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
#: Folders with modules that other modules import.
PACKAGES = ("schemas", "stream", "training")
#: Folders that measure, ship and test the packages. No package imports these folders.
OUTSIDE = ("benchmarks", "deploy", "tests")


class Import(NamedTuple):
    """An import in a module, of our own code or of a library."""

    #: Full dotted name of the imported module.
    name: str
    line: int
    #: Whether the import runs when the module is imported, and not only when a function is called.
    at_start: bool


def modules_of(folders: Iterable[str]) -> dict[str, Path]:
    """Return the file of each module in the given folders of the repository, by dotted name."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    parts = {file: file.relative_to(ROOT).with_suffix("").parts for file in files}
    return {".".join(names[:-1] if names[-1] == "__init__" else names): file for file, names in parts.items()}


MODULES = modules_of(PACKAGES)


def imports_of(module: str, source: str) -> Iterator[Import]:
    """Yield every import in a module's source, including those inside functions.

    Args:
        module: Dotted name of the module, which resolves relative imports.
        source: Python source.
    """
    package = module if MODULES.get(module, Path()).name == "__init__.py" else module.rpartition(".")[0]
    for node, at_start in _statements(ast.parse(source), at_start=True):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_start) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield Import(submodule if submodule in MODULES else base, node.lineno, at_start)


def _statements(block: ast.AST, *, at_start: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield each statement in a block, at any depth, and whether it runs when the module is imported."""
    inner = at_start and not isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef)
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        for node in getattr(block, name, ()):
            if isinstance(node, ast.stmt):
                yield node, inner
            yield from _statements(node, at_start=inner)


def imports_in(module: str) -> list[Import]:
    """Return every import in one of our modules."""
    return list(imports_of(module, MODULES[module].read_text(encoding="utf-8")))


def is_within(module: str, packages: Iterable[str]) -> bool:
    """Return whether a module is, or lies inside, one of the given packages."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def third_party(name: str) -> str | None:
    """Return the top-level package of an imported library; None for our own code and the standard library."""
    top = name.partition(".")[0]
    return None if top in {*PACKAGES, *OUTSIDE} or top in sys.stdlib_module_names else top
