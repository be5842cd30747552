"""What only a server over HTTP can find wrong."""

from schemas.errors import FraudError


class HttpError(FraudError):
    """A request that is not served.

    Attributes:
        status: Of the response.
    """

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
