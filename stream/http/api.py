"""The HTTP application: its routes, and what all of them have in common."""

import functools

from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import FraudError
from stream.http.contract import describe
from stream.http.errors import HttpError
from stream.http.metrics import HttpMetrics
from stream.http.problems import handle
from stream.http.request_metrics import Responded

_DESCRIPTION = (
    "Card transactions scored while their senders wait. The same models, roles and policies as on Kafka, followed "
    "live; every reply stands on Kafka before it is told."
)


def make_api(routers: list[APIRouter], metrics: HttpMetrics) -> FastAPI:
    """Return the application.

    Args:
        routers: What it answers.
        metrics: Counts each response.
    """
    app = FastAPI(
        title="Fraud scorer",
        version="1",
        description=_DESCRIPTION,
        middleware=[Middleware(Responded, metrics=metrics)],
        # Their scripts come from another site; the description itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    for router in routers:
        app.include_router(router)
    for kind in (FraudError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)
    app.add_exception_handler(404, handle)
    app.add_exception_handler(405, handle)
    app.add_exception_handler(RequestValidationError, _handle_parameters)
    app.openapi = functools.cache(lambda: describe(app))  # type: ignore[method-assign]  # how FastAPI is told
    return app


async def _handle_parameters(request: Request, error: Exception) -> Response:
    """Say which parameter is wrong; FastAPI would repeat the sender's value."""
    found = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    where = ".".join(map(str, found.get("loc", ())))
    return await handle(request, HttpError(422, f"{where}: {found.get('msg', 'cannot be read')}"))
