"""Smoke tests: requests to the new release's edge before it gets any traffic."""

import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

import msgspec

from deploy.release.errors import ReleaseRejectedError
from schemas.messages import Decision

#: Seconds within which each response must arrive.
TIMEOUT_S = 5.0
#: Prefix of the transaction ids, and the card, of smoke tests: they are decided and recorded like any others.
PREFIX = "smoke-test"
_decode = msgspec.json.Decoder(Decision).decode


def run_smoke_tests(url: str, transactions: Sequence[bytes], headers: dict[str, str]) -> int:
    """Send good and bad requests to an edge and check the responses.

    Args:
        url: URL of the edge.
        transactions: Good transactions as JSON; they get ids and a card of their own.
        headers: Headers of each request, such as an API key.

    Returns:
        The number of responses checked.

    Raises:
        ReleaseRejectedError: If a response is wrong or late.
    """
    run = time.time_ns()
    for path in ("/healthz", "/readyz", "/metrics"):
        _expect(url + path, 200, headers)
    for number, line in enumerate(transactions):
        transaction: dict[str, Any] = msgspec.json.decode(line)
        transaction |= {"transaction_id": f"{PREFIX}-{run}-{number}", "card_id": PREFIX}
        answer = _expect(url + "/predict", 200, headers, msgspec.json.encode(transaction))
        try:
            decision = _decode(answer)
        except msgspec.DecodeError as error:
            raise ReleaseRejectedError(f"/predict responds with something else than a decision: {error}") from None
        if decision.transaction_id != transaction["transaction_id"]:
            raise ReleaseRejectedError(f"/predict decided {decision.transaction_id}, which was not asked for")
    _expect(url + "/predict", 422, headers, b'{"transaction_id":"smoke-test"}')
    return len(transactions) + 4


def _expect(url: str, status: int, headers: dict[str, str], body: bytes | None = None) -> bytes:
    """Return the body of a response with the expected status."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})  # noqa: S310 - an edge
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - the same
            got, answer = response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            got, answer = error.code, error.read()
    except OSError as error:
        raise ReleaseRejectedError(f"{url} does not respond within {TIMEOUT_S:g} s ({error})") from None
    if got != status:
        raise ReleaseRejectedError(
            f"{url} responds with {got} instead of {status}: {answer[:200].decode(errors='replace')}"
        )
    return bytes(answer)
