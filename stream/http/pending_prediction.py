"""A prediction between its request and its response."""

import asyncio
from dataclasses import dataclass

from schemas.errors import FraudError


@dataclass(slots=True)
class PendingPrediction:
    """One admitted transaction with the futures that its callers await.

    Attributes:
        value: The transaction as JSON, exactly as written to Kafka.
        request_digest: Digest of the request's body.
        received_s: `time.perf_counter()` when its request was received.
        response: Resolves to the decision once Kafka has acknowledged it. Repeated requests share this future.
        early_response: Resolves to the decision as soon as it is made, for a request with ack=none; else None.
    """

    value: bytes
    request_digest: bytes
    received_s: float
    response: asyncio.Future[bytes]
    early_response: asyncio.Future[bytes] | None

    @property
    def wants_early_response(self) -> bool:
        """Whether a caller with ack=none is still waiting for its response."""
        return self.early_response is not None and not self.early_response.done()

    @property
    def responded_early(self) -> bool:
        """Whether the decision was sent before Kafka acknowledged it."""
        early = self.early_response
        return early is not None and early.done() and not early.cancelled() and early.exception() is None

    def respond_early(self, decision: bytes) -> None:
        """Send the decision to a caller that does not wait for Kafka."""
        if self.early_response is not None and not self.early_response.done():
            self.early_response.set_result(decision)

    def respond(self, decision: bytes) -> None:
        """Send the decision that Kafka has acknowledged. Does nothing after the deadline."""
        if not self.response.done():
            self.response.set_result(decision)

    def fail(self, error: FraudError) -> None:
        """Fail every future that has no result yet."""
        for future in (self.response, self.early_response):
            if future is not None and not future.done():
                future.set_exception(error)
