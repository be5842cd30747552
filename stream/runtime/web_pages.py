"""The pages of a Faust program: its metrics, whether it lives, and whether it does its work."""

from collections.abc import Callable, Sequence

import faust
from faust.web import Request, Response, View
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from stream.runtime.readiness import Problem, ProblemMetrics, readiness


def add_pages(app: faust.App, registry: CollectorRegistry, problems: Callable[[], Sequence[Problem]]) -> None:
    """Add /metrics, /healthz (the process lives) and /readyz (it has no problems: 200, else 503 with what they are)."""
    ProblemMetrics(registry, problems)

    @app.page("/metrics")
    async def show_metrics(view: View, _: Request) -> Response:
        return view.bytes(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.page("/healthz")
    async def show_health(view: View, _: Request) -> Response:
        return view.json({"status": "ok"})

    @app.page("/readyz")
    async def show_readiness(view: View, _: Request) -> Response:
        found = problems()
        return view.json(readiness(found), status=503 if found else 200)
