"""Why a release stops."""

from schemas.errors import FraudError


class ReleaseError(FraudError):
    """A release cannot start, or cannot continue for a reason that does not speak against it."""


class ReleaseRejectedError(ReleaseError):
    """The release failed one of its checks, so it is rolled back."""


class IncompleteError(ReleaseError):
    """A release neither took over completely nor was rolled back completely: a person must finish it."""
