"""docker-compose.yml and the Dockerfiles, parsed for the tests."""

import re
from pathlib import Path
from typing import Any

import yaml

from stream.settings import PREFIX
from tests.deploy.dockerfile import Dockerfile

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
DOCKERFILES = {path.name: Dockerfile(path) for path in sorted((ROOT / "deploy" / "docker").glob("*.Dockerfile"))}
#: One-shot services, which end by themselves.
ONE_SHOT = {"topics", "train"}
LONG_RUNNING = sorted(set(SERVICES) - ONE_SHOT)


def fraud_settings(environment: dict[str, str]) -> dict[str, str]:
    """Return the FRAUD_ variables of an environment, with ${VARIABLE:-default} replaced by the default."""
    ours = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in ours.items()}


def dockerfile_of(service: str) -> Dockerfile | None:
    """Return the Dockerfile that a service is built from; None for an image from a registry."""
    build = SERVICES[service].get("build")
    return DOCKERFILES[Path(build["dockerfile"]).name] if build else None
