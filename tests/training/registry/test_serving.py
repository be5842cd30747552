"""`mlflow models serve` returns the stream's scores over HTTP, for the champion in the registry."""

import contextlib
import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from schemas.manifest import MANIFEST_NAME, MODEL_NAME, decode_manifest
from stream.local.owned_process import OwnedProcess
from stream.models.bundle import read_bundle
from stream.runtime.ports import free_port
from tests.support.bundles import put_bundle
from tests.training.registry.conftest import MakeRun
from training.bundling.write_bundle import BUNDLE_ARTIFACT, write_bundle
from training.registry.access import RegistryAccess
from training.registry.experiment import ActiveRun
from training.registry.register import register
from training.registry.versions import CHAMPION

OK = 200
#: Seconds to wait until the server responds; it takes about ten on an idle machine.
START_S = 90.0


@contextlib.contextmanager
def serving(root: Path, model: str) -> Iterator[int]:
    """Serve a model as the docs say and yield its port."""
    port = free_port()
    # -P prevents the import of packages from the working directory.
    command = [sys.executable, "-P", "-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local"]
    # MLflow starts `uvicorn`, which must come from this environment.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}", "PATH": path}
    log = root / "serve.log"
    server = OwnedProcess([*command, "--host", "127.0.0.1", "--port", str(port)], log, environment)
    try:
        deadline = time.monotonic() + START_S
        while send(port, "GET", "/ping")[0] != OK:
            assert server.returncode is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield port
    finally:
        # This also ends uvicorn, which outlives MLflow on systems that do not end a child with its parent.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(os.getpgid(server.pid), signal.SIGTERM)
        server.stop(10)


def send(port: int, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Return the status and the text of the response, or status 0 while the server is not listening."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


def test_the_champion_is_served_with_the_streams_score(
    access: RegistryAccess, make_run: MakeRun, root: Path, tmp_path: Path
) -> None:
    """The served scores are bit-identical to the stream's, for ordinary rows and the manifest's parity rows."""
    small = tmp_path / "small" / put_bundle(tmp_path / "small").path

    def log_bundle(run: ActiveRun) -> None:
        manifest = decode_manifest((small / MANIFEST_NAME).read_bytes())
        write_bundle(tmp_path / "bundle", onnx.load(small / MODEL_NAME), manifest)
        run.log_files(tmp_path / "bundle", BUNDLE_ARTIFACT)

    version = register(make_run(log_bundle, bundle=False), access.registry, access.runs, access.store)
    access.registry.set_alias(CHAMPION, version.number)
    model = read_bundle(access.store, version.bundle)
    ordinary = np.random.default_rng(1).normal(size=(50, len(model.manifest.features)))
    matrix = np.concatenate([ordinary, model.manifest.parity.rows]).astype(np.float32)
    with serving(root, "models:/fraud@champion") as port:
        status, answer = send(port, "POST", "/invocations", {"inputs": matrix.tolist()})
    assert status == OK, answer
    served = json.loads(answer)["predictions"]["score"]
    np.testing.assert_array_equal(np.array(served, dtype=np.float32), model.score(matrix))
