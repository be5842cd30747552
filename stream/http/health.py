"""`/healthz`, `/readyz` and `/metrics`."""

from collections.abc import Callable, Sequence

import msgspec
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import PlainTextResponse

from stream.http.auth import Access
from stream.http.body import JSON
from stream.http.contract import problems as described
from stream.http.metrics import HttpMetrics
from stream.runtime.readiness import Problem, ProblemMetrics, readiness


def health_routes(metrics: HttpMetrics, access: Access, problems: Callable[[], Sequence[Problem]]) -> APIRouter:
    """Return the routes.

    Args:
        metrics: Shown.
        access: Who may see metrics; how the process is may be seen by all.
        problems: Says why it is not ready.
    """
    ProblemMetrics(metrics.registry, problems)
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", response_model=None)
    async def healthz() -> Response:
        """The process lives."""
        return Response(b'{"status":"ok"}', media_type=JSON)

    @router.get("/readyz", response_model=None, responses={503: {"description": "Not ready, and why."}})
    async def readyz() -> Response:
        """It has a champion and a Kafka: 200, else 503 with what is missing."""
        found = problems()
        return Response(msgspec.json.encode(readiness(found)), 503 if found else 200, media_type=JSON)

    @router.get(
        "/metrics",
        response_model=None,
        response_class=PlainTextResponse,
        responses=described(401, 403),
        openapi_extra={"security": [{"key": []}]},
    )
    async def show_metrics(request: Request) -> Response:
        """As Prometheus reads them."""
        access.require(request, "metrics")
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
