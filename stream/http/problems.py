"""Errors as RFC 9457 problem details. This module alone maps an error to its HTTP status."""

import logging
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import (
    BrokerUnavailableError,
    BusyError,
    DeadLetterReason,
    FraudError,
    NotDecidedError,
    RefusedMessageError,
    TransactionIdReusedError,
)
from stream.http.errors import HttpError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
#: Seconds after which a client should try again.
RETRY_AFTER_S = 1
_BAD_REQUEST = {DeadLetterReason.EMPTY, DeadLetterReason.NOT_JSON, DeadLetterReason.NOT_UTF8}


class ProblemDetails(msgspec.Struct, omit_defaults=True):
    """An error response: https://www.rfc-editor.org/rfc/rfc9457."""

    #: URN of the problem type, for programs. It is not the address of a page.
    type: str
    #: Short name of the problem type, for people.
    title: str
    #: HTTP status of the response.
    status: int
    #: One line that says what is wrong and what to do. It never quotes the sender's values.
    detail: str
    #: Path of the invalid field, such as `features.V3`; absent if no field is at fault.
    field: str | None = None
    #: Dead-letter reason of a transaction that cannot be scored; absent for any other problem.
    reason: str | None = None


#: HTTP status for each kind of error; the first match applies.
_STATUS: tuple[tuple[type[FraudError], HTTPStatus], ...] = (
    (TransactionIdReusedError, HTTPStatus.CONFLICT),
    (BusyError, HTTPStatus.TOO_MANY_REQUESTS),
    (NotDecidedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (BrokerUnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problem_details(error: Exception) -> ProblemDetails:
    """Return the problem details of an error. An unexpected error is logged, and its text is not disclosed."""
    if isinstance(error, RefusedMessageError):
        return _refused(error)
    if isinstance(error, HttpError):
        return _problem(error.status, str(error))
    if isinstance(error, HTTPException):
        return _problem(error.status_code, str(error.detail))
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return _problem(status, str(error))
    log.error("a request failed", exc_info=error)
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; the log of the HTTP edge shows the cause")


def problem_response(problem: ProblemDetails) -> Response:
    """Return problem details as an HTTP response."""
    retriable = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if problem.status in retriable else {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(problem), problem.status, headers, MEDIA_TYPE)


async def handle_error(_: Request, error: Exception) -> Response:
    """Return the response to a request that raised an error: FastAPI's exception handler."""
    response = problem_response(problem_details(error))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _refused(error: RefusedMessageError) -> ProblemDetails:
    reason = error.reason
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if reason in _BAD_REQUEST:
        status = HTTPStatus.BAD_REQUEST
    elif reason is DeadLetterReason.TOO_LARGE:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = f"The transaction cannot be scored: {reason.value.replace('_', ' ')}"
    return ProblemDetails(
        f"urn:fraud-stream:{reason.value}", title, status.value, str(error), error.field, reason.value
    )


def _problem(status: int, detail: str) -> ProblemDetails:
    phrase = HTTPStatus(status).phrase
    return ProblemDetails(f"urn:fraud-stream:{phrase.lower().replace(' ', '-')}", phrase, int(status), detail)
