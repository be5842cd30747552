"""The compose target's commands and images, with a script that stands in for Docker Compose.

tests/compose/test_release.py releases in real containers.
"""

import shutil
from pathlib import Path

import pytest
import yaml

from deploy.release import compose
from deploy.release.compose import ComposeTarget
from deploy.release.compose_command import COMMAND
from deploy.release.compose_tracks import Services
from deploy.release.errors import ReleaseError
from deploy.release.manifests import SERVING, TRAINING
from deploy.release.tracks import Program, Track
from tests.deploy.compose import ROOT

OLD, NEW = (f"stream@sha256:{digit * 64}" for digit in "0f")
_PROGRAM = """\
#!/bin/sh
# The options before the command are the same each time: -p NAME -f FILE -f FILE
shift 6
echo "$*" >> {folder}/log
echo 127.0.0.1:12345
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The commands that were run, one per line; programs are ready at once, and HAProxy does as it is told."""
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    script = tmp_path / "compose"
    script.write_text(_PROGRAM.format(folder=tmp_path), encoding="utf-8")
    script.chmod(0o755)
    log = tmp_path / "log"
    monkeypatch.setattr(compose, "ROOT", tmp_path)
    monkeypatch.setenv(COMMAND, str(script))

    def write(line: str) -> None:
        with log.open("a") as file:
            file.write(f"{line}\n")

    monkeypatch.setattr(compose, "drain", lambda _, track: write(f"drain {track}"))
    monkeypatch.setattr(compose, "route_to", lambda _, track: write(f"route {track}"))
    monkeypatch.setattr(ComposeTarget, "_is_ready", lambda *_: True)
    return log


def _services(folder: Path) -> Services:
    services: Services = yaml.safe_load((folder / "var/release/test/tracks.yml").read_text("utf-8"))["services"]
    return services


def _images(folder: Path) -> dict[str, str]:
    return {name: each["image"] for name, each in _services(folder).items()}


def _first(*, image: str = OLD) -> None:
    target = ComposeTarget("test", {SERVING: image}, {})
    for program in Program:
        target.start(Track.BLUE, program)


def test_a_release_gets_its_image_and_the_other_track_keeps_its_own(log: Path) -> None:
    """A rollback starts the old workers again while the new track still serves: with the old image."""
    _first()
    target = ComposeTarget("test", {SERVING: NEW}, {})
    target.start(Track.GREEN, Program.EDGE)
    target.route(Track.GREEN)
    target.start(Track.GREEN, Program.WORKER)
    target.stop(Track.BLUE, Program.WORKER)
    target.start(Track.BLUE, Program.WORKER)
    images = _images(log.parent)
    assert {name: images[name] for name in ("worker-blue-0", "worker-green-1", "http-green-0", "ledger")} == {
        "worker-blue-0": OLD,
        "worker-green-1": NEW,
        "http-green-0": NEW,
        "ledger": OLD,
    }
    assert log.read_text("utf-8").splitlines()[-6:] == [
        "drain green",
        "up --detach --no-deps --no-build http-green-0",
        "route green",
        "up --detach --no-deps --no-build worker-green-0 worker-green-1",
        "stop worker-blue-0 worker-blue-1",
        "up --detach --no-deps --no-build worker-blue-0 worker-blue-1",
    ]


def test_what_the_tracks_replace_is_stopped_when_the_release_is_final(log: Path) -> None:
    """Until then, docker-compose.yml's own worker and edge go on. Without a training image, the archive does too."""
    _first()
    assert log.read_text("utf-8").splitlines()[-3:] == [
        "up --detach --no-deps --no-build topics ledger",
        "port ledger 6068",
        "stop http worker",
    ]
    ComposeTarget("test", {SERVING: NEW, TRAINING: NEW}, {}).start(Track.GREEN, Program.STORES)
    assert log.read_text("utf-8").splitlines()[-4] == "up --detach --no-deps --no-build topics ledger archive watch"
    assert _images(log.parent)["archive"] == NEW


def test_a_rollback_starts_a_track_as_it_was(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its image, its settings and its number of workers, whatever docker-compose.yml says now."""
    _first()
    before = _services(log.parent)
    original = log.parent / "docker-compose.yml"
    original.write_text(original.read_text("utf-8").replace("x-stream: &stream", "x-stream: &stream\n  FRAUD_NEW: 1"))
    monkeypatch.setenv("RELEASE_WORKERS", "1")
    ComposeTarget("test", {SERVING: NEW}, {}).start(Track.GREEN, Program.EDGE)
    target = ComposeTarget("test", {}, {})
    assert (target.release(Track.BLUE), target.release(Track.GREEN)) == (OLD, NEW)
    target.start(Track.BLUE, Program.EDGE)
    after = _services(log.parent)
    assert {name: after[name] for name in before} == before
    assert "FRAUD_NEW" in after["worker-green-0"]["environment"]
    target.start(Track.BLUE, Program.WORKER)
    assert log.read_text("utf-8").splitlines()[-1].endswith(" worker-blue-0 worker-blue-1")


def test_a_track_without_a_release_cannot_be_started_or_stopped(log: Path) -> None:
    """Nothing is run for it."""
    target = ComposeTarget("test", {}, {})
    with pytest.raises(ReleaseError, match="no release has run on green"):
        target.start(Track.GREEN, Program.EDGE)
    target.stop(Track.GREEN, Program.EDGE)
    assert not log.exists()


@pytest.mark.parametrize("image", ["stream", "stream:0.2.0"])
def test_an_image_without_a_digest_is_refused(image: str) -> None:
    """A tag can move between the blue-green release and the next start of its containers."""
    with pytest.raises(ReleaseError, match="names no image by digest"):
        ComposeTarget("test", {SERVING: image}, {})


def test_a_failing_compose_command_is_an_error(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the last line of what it printed; a missing program is named."""
    _first()
    (log.parent / "compose").write_text("#!/bin/sh\necho first >&2\necho no such service >&2\nexit 1\n")
    with pytest.raises(ReleaseError, match="compose stop failed: no such service"):
        ComposeTarget("test", {}, {}).stop(Track.BLUE, Program.EDGE)
    monkeypatch.setenv(COMMAND, "no-such-program compose")
    with pytest.raises(ReleaseError, match=r"cannot run no-such-program .*; set RELEASE_COMPOSE"):
        ComposeTarget("test", {}, {}).stop(Track.BLUE, Program.EDGE)
