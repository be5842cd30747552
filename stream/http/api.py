"""The FastAPI application: its routes, middleware and error handlers."""

import functools

from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from schemas.errors import FraudError
from stream.http.errors import HttpError
from stream.http.metrics import HttpMetrics
from stream.http.openapi import openapi_document
from stream.http.problems import handle_error
from stream.http.request_metrics import RequestMetrics

_DESCRIPTION = (
    "Scores card transactions synchronously, with the same models, roles and policies as the stream. By default a "
    "decision is returned only after Kafka has acknowledged it."
)


def make_api(routers: list[APIRouter], metrics: HttpMetrics) -> FastAPI:
    """Return the FastAPI application.

    Args:
        routers: Routers of the application.
        metrics: Metrics that count the application's requests.
    """
    app = FastAPI(
        title="Fraud scorer",
        version="1",
        description=_DESCRIPTION,
        middleware=[Middleware(RequestMetrics, metrics=metrics)],
        # These pages load scripts from another site. The description itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
    )
    for router in routers:
        app.include_router(router)
    for kind in (FraudError, HTTPException, Exception):
        app.add_exception_handler(kind, handle_error)
    app.add_exception_handler(404, handle_error)
    app.add_exception_handler(405, handle_error)
    app.add_exception_handler(RequestValidationError, _handle_invalid_parameter)
    app.openapi = functools.cache(lambda: openapi_document(app))  # type: ignore[method-assign]  # FastAPI's own way
    return app


async def _handle_invalid_parameter(request: Request, error: Exception) -> Response:
    """Respond with the name of the invalid parameter. FastAPI's default handler would quote the sender's value."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    path = ".".join(map(str, first.get("loc", ())))
    return await handle_error(request, HttpError(422, f"{path}: {first.get('msg', 'invalid value')}"))
