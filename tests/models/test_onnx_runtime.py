"""ONNX Runtime sends no usage data and leaves nothing behind.

Its telemetry client starts with the import: it writes a device id and a database, and starts a thread, which contacts
its server about ten seconds later. The test looks for the files and the thread, so that it need not wait.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.bundles import logistic_onnx
from tests.support.imports import ROOT

#: Prints the numbers of threads and sockets that ONNX Runtime adds to a process that scores a matrix.
SCORE = """
import os, sys
from pathlib import Path
import numpy as np
threads = len(os.listdir("/proc/self/task"))
from stream.models.onnx_session import OnnxModel
OnnxModel(Path(sys.argv[1]), 4).score(np.zeros((100, 4), np.float32))
open_files = (os.path.join("/proc/self/fd", each) for each in os.listdir("/proc/self/fd"))
sockets = [each for each in open_files if os.path.islink(each) and os.readlink(each).startswith("socket:")]
print(len(os.listdir("/proc/self/task")) - threads, len(sockets), os.environ["ORT_DISABLE_TELEMETRY"])
"""


def _run(home: Path, *arguments: str, setting: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with an empty home directory, and ORT_DISABLE_TELEMETRY as a user may have set it."""
    home.mkdir()
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    directories = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"), str(home))
    environment = inherited | directories | ({"ORT_DISABLE_TELEMETRY": setting} if setting else {})
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("setting", [None, "0"])
def test_a_session_starts_no_telemetry(tmp_path: Path, setting: str | None) -> None:
    """Scoring starts no thread, opens no socket, writes no file and logs no line, whatever the user's environment."""
    model, home = tmp_path / "model.onnx", tmp_path / "home"
    model.write_bytes(logistic_onnx(np.ones(4, dtype=np.float32), 0))
    done = _run(home, "-c", SCORE, str(model), setting=setting)
    assert (done.stdout, done.stderr, done.returncode) == ("0 0 1\n", "", 0)
    assert list(home.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_test_can_fail(tmp_path: Path) -> None:
    """Without our setting, importing ONNX Runtime starts a thread or writes a file."""
    threads = "print(len(os.listdir('/proc/self/task')))"
    done = _run(tmp_path / "home", "-c", f"import os, numpy; {threads}; import onnxruntime; {threads}")
    before, after = map(int, done.stdout.split())
    assert after > before or list((tmp_path / "home").iterdir())


@pytest.mark.parametrize("program", ["training.cli", "stream.models.onnx_session"])
def test_telemetry_is_off_before_any_library_imports_onnx_runtime(tmp_path: Path, program: str) -> None:
    """MLflow may import ONNX Runtime before our own modules do, so `training` itself turns telemetry off."""
    code = f"import os, {program}; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert _run(tmp_path / "home", "-c", code, setting="0").stdout == "1\n"
