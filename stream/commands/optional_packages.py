"""Packages that only some commands need, and that are installed with an extra."""

import contextlib
from collections.abc import Iterator

from schemas.errors import MissingPackageError


@contextlib.contextmanager
def requires_extra(extra: str, feature: str) -> Iterator[None]:
    """Turn the failed import of an extra's package into an error that says what to install.

    Args:
        extra: Name of the extra in pyproject.toml.
        feature: Feature that needs the package, as the error names it.

    Raises:
        MissingPackageError: If a package is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingPackageError(feature, error.name, extra) from error
