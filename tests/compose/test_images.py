"""The images that `make images` builds."""

import json
from typing import Any

import pytest

from tests.compose.engine import Engine

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]

#: Bytes. The official base is smaller than its stand-in, so the image is smaller with it.
LARGEST_SERVING = 350_000_000
#: Alembic runs the migrations' own environment, which cannot be imported.
_IMPORT_ALL = """
import importlib, pkgutil
import schemas, stream
for package in (schemas, stream):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.startswith(("stream.archive.", "stream.ledger.migrations.env")):
            importlib.import_module(module.name)
"""


def _inspected(engine: Engine, name: str) -> dict[str, Any]:
    (image,) = json.loads(engine.run("podman", "image", "inspect", f"localhost/{name}").stdout)
    found: dict[str, Any] = image
    return found


def test_the_serving_image_is_small(engine: Engine) -> None:
    """Every host pulls it, and it starts sooner where it is not there yet."""
    assert _inspected(engine, "fraud-stream-serving")["Size"] <= LARGEST_SERVING


def test_the_serving_image_has_a_health_check(engine: Engine) -> None:
    """An image in OCI format would have none."""
    assert "/healthz" in " ".join(_inspected(engine, "fraud-stream-serving")["Healthcheck"]["Test"])


def test_all_that_the_serving_image_needs_is_in_it(engine: Engine) -> None:
    """Every module of ours can be imported but the archive's, whose pyarrow is only in the training image."""
    engine.run("podman", "run", "--rm", "localhost/fraud-stream-serving", "python", "-c", _IMPORT_ALL, timeout=180)
