"""`/healthz`, `/readyz` and `/metrics`."""

from collections.abc import Callable, Sequence

import msgspec
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import PlainTextResponse

from stream.http.auth import Auth
from stream.http.body import JSON
from stream.http.metrics import HttpMetrics
from stream.http.openapi import key_with_scope, problem_responses
from stream.runtime.readiness import Problem, ProblemMetrics, readiness


def health_routes(metrics: HttpMetrics, auth: Auth, problems: Callable[[], Sequence[Problem]]) -> APIRouter:
    """Return the router of the health and metrics routes.

    Args:
        metrics: Metrics for `/metrics` to return.
        auth: Authorises requests for metrics. The other two routes need no authorisation.
        problems: Returns the reasons why the edge is not ready; empty when it is ready.
    """
    ProblemMetrics(metrics.registry, problems)
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", response_model=None, response_description="The process responds.")
    async def healthz() -> Response:
        """Liveness: the process responds."""
        return Response(b'{"status":"ok"}', media_type=JSON)

    @router.get(
        "/readyz",
        response_model=None,
        response_description="Ready.",
        responses={503: {"description": "Not ready, with the reasons."}},
    )
    async def readyz() -> Response:
        """Readiness: 200 with a champion, an available Kafka and the newest responses, else 503 with the reasons."""
        current = problems()
        return Response(msgspec.json.encode(readiness(current)), 503 if current else 200, media_type=JSON)

    @router.get(
        "/metrics",
        response_model=None,
        response_class=PlainTextResponse,
        response_description="The metrics.",
        responses=problem_responses(401, 403),
        openapi_extra={"security": key_with_scope("metrics")},
    )
    async def show_metrics(request: Request) -> Response:
        """Metrics in Prometheus' text format."""
        auth.authorise(request, "metrics")
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
