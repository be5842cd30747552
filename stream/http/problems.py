"""Errors as RFC 9457 problem details. Which error has which status stands here and nowhere else."""

import logging
import re
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import (
    BrokerAwayError,
    BusyError,
    DeadLetterReason,
    FraudError,
    RefusedMessageError,
    RepeatedError,
    UnansweredError,
)
from stream.http.errors import HttpError

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
#: Seconds after which asking again makes sense.
RETRY_AFTER_S = 1
_BAD_REQUEST = {DeadLetterReason.EMPTY, DeadLetterReason.NOT_JSON, DeadLetterReason.NOT_UTF8}
#: Where our own sentences, and msgspec's, name the field.
_FIELDS = (
    re.compile(r"missing required field `(?P<field>[^`]+)`(?: - at `\$\.?(?P<path>[^`]*)`)?"),
    re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`"),
    re.compile(r"^feature (?P<feature>.+) (?:is|has) "),
    re.compile(r"^(?:a )?(?P<field>[a-z_]+) (?:is|that) "),
)


class Problem(msgspec.Struct, omit_defaults=True):
    """What is wrong: https://www.rfc-editor.org/rfc/rfc9457."""

    #: Names the kind of problem for programs; no address to be fetched.
    type: str
    title: str
    status: int
    #: One line for people, with the mend; never the sender's values.
    detail: str
    #: The field at fault, as a path: `features.V3`.
    field: str | None = None
    #: As in a dead letter, of a transaction that cannot be scored.
    reason: str | None = None


#: Of errors that say nothing else: the first that fits.
_STATUS: tuple[tuple[type[FraudError], HTTPStatus], ...] = (
    (RepeatedError, HTTPStatus.CONFLICT),
    (BusyError, HTTPStatus.TOO_MANY_REQUESTS),
    (UnansweredError, HTTPStatus.SERVICE_UNAVAILABLE),
    (BrokerAwayError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def problem_of(error: Exception) -> Problem:
    """Return what an error says over HTTP; of an unforeseen one nothing but that it is there."""
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
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the log says why")


def problem_response(problem: Problem) -> Response:
    """Return a problem as a response."""
    again = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if problem.status in again else {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(problem), problem.status, headers, MEDIA_TYPE)


async def handle(_: Request, error: Exception) -> Response:
    """Answer with what went wrong."""
    response = problem_response(problem_of(error))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def field_of(detail: str) -> str | None:
    """Return the path of the field that a sentence about a refused transaction names.

    >>> field_of("Expected `float | null`, got `str` - at `$.features.V3`")
    'features.V3'
    >>> field_of("Object missing required field `V3` - at `$.features`")
    'features.V3'
    >>> field_of("feature V3 is not finite as float32")
    'features.V3'
    """
    for pattern in _FIELDS:
        if found := pattern.search(detail):
            parts = found.groupdict()
            if "feature" in parts:
                return f"features.{parts['feature']}"
            return ".".join(filter(None, (parts.get("path"), parts.get("field")))) or None
    return None


def _refused(error: RefusedMessageError) -> Problem:
    reason = error.reason
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if reason in _BAD_REQUEST:
        status = HTTPStatus.BAD_REQUEST
    elif reason is DeadLetterReason.TOO_LARGE:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    title = f"The transaction cannot be scored: {reason.value.replace('_', ' ')}"
    return Problem(
        f"urn:fraud-stream:{reason.value}", title, status.value, str(error), field_of(str(error)), reason.value
    )


def _problem(status: int, detail: str) -> Problem:
    phrase = HTTPStatus(status).phrase
    return Problem(f"urn:fraud-stream:{phrase.lower().replace(' ', '-')}", phrase, int(status), detail)
