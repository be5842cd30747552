"""Every example in a docstring runs."""

import doctest
import importlib

import pytest

from tests.support.imports import OUTSIDE, PACKAGES, modules_of
from tests.support.kinds import imports_slow_library

#: Modules with examples, recognised by their source text. Those that import a slow library are integration tests.
WITH_EXAMPLES = [
    pytest.param(module, marks=pytest.mark.integration if imports_slow_library(module) else ())
    for module, file in sorted(modules_of(dict.fromkeys((*PACKAGES, *OUTSIDE))).items())
    if ">>> " in file.read_text(encoding="utf-8") and module != __name__
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_a_module_pass(module: str) -> None:
    """Each example in the module's docstrings gives the output that it shows."""
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0, "the examples must be in docstrings that doctest reads"
    assert result.failed == 0
