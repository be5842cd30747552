"""Packages that only some commands need."""

import contextlib
from collections.abc import Iterator

from schemas.errors import FraudError


@contextlib.contextmanager
def importing(extra: str, who: str) -> Iterator[None]:
    """Around imports of an extra's packages: one that is not installed becomes one line with the mend.

    Args:
        extra: Its name in pyproject.toml.
        who: What needs it, as the line says it.

    Raises:
        FraudError: If a package is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise FraudError(f"{error.name} is not installed; {who} needs: pip install 'fraud-stream[{extra}]'") from error
