"""Errors in an HTTP request rather than in a transaction."""

from schemas.errors import FraudError


class HttpError(FraudError):
    """A request that is rejected.

    Attributes:
        status: HTTP status of the response.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
