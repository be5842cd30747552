"""The web pages of a Faust program: /metrics, /healthz and /readyz."""

from collections.abc import Callable, Sequence

import faust
from faust.web import Request, Response, View
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from stream.runtime.readiness import Problem, ProblemMetrics, readiness


def add_pages(app: faust.App, registry: CollectorRegistry, problems: Callable[[], Sequence[Problem]]) -> None:
    """Add /metrics, /healthz (200 while the process runs) and /readyz (200 without problems, else 503).

    Args:
        app: Faust app that serves the pages.
        registry: Prometheus registry whose metrics are served.
        problems: Function that returns the reasons why the program is not ready; empty when it is ready.
    """
    ProblemMetrics(registry, problems)

    @app.page("/metrics")
    async def show_metrics(view: View, _: Request) -> Response:
        return view.bytes(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.page("/healthz")
    async def show_health(view: View, _: Request) -> Response:
        return view.json({"status": "ok"})

    @app.page("/readyz")
    async def show_readiness(view: View, _: Request) -> Response:
        current = problems()
        return view.json(readiness(current), status=503 if current else 200)
